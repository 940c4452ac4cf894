# SPDX-License-Identifier: BSD-3-Clause
"""Errors a user can act on.

Every message is one line that names the file or thing and says what to do next. The command line prints
it without a traceback; an exception of any other type is a defect of picobench.

    PicobenchError
    ├── DefinitionError   a YAML file (config, codec, dataset, metric) is wrong
    ├── DatasetError      a picture or archive is missing, damaged, hostile or refused
    ├── CodecError        a codec cannot be used or broke its contract
    ├── MetricError       a metric cannot be computed
    ├── CurveError        a rate-distortion curve file is wrong
    ├── RatingsError      votes of people cannot be used, or do not allow the conclusion asked for
    └── StorageError      no space, no permission, a damaged result file
"""


class PicobenchError(Exception):
    """Base of all errors that are reported to the user as one line."""


class DefinitionError(PicobenchError):
    """A definition or configuration file is wrong."""


class DatasetError(PicobenchError):
    """A picture or archive is missing, damaged, hostile or refused."""


class CodecError(PicobenchError):
    """A codec cannot be used, or broke its contract."""


class MetricError(PicobenchError):
    """A metric cannot be computed."""


class CurveError(PicobenchError):
    """A rate-distortion curve file cannot be used."""


class RatingsError(PicobenchError):
    """Votes of people cannot be used, or do not allow the conclusion asked for."""


class StorageError(PicobenchError):
    """A result cannot be written or read."""


class PicobenchWarning(UserWarning):
    """Something the user should know that does not stop the work."""
