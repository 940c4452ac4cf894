# picobench: every codec over every dataset, measured, analysed and reported.
#
#   snakemake --cores all report                                      the demo, config/config.yaml
#   snakemake --cores all report --configfile config/kodak.yaml       another configuration
#
# Data flow: datasets -> encode -> measure (and diagnose) -> analyse -> report, one rule file each.
from pathlib import Path

from picobench.ratings.tables import TABLES as RATING_TABLES
from picobench.stages.marked import SOURCE as FINDINGS_TABLE
from picobench.workflow import dataset_arguments, job_command, open_run

if not workflow.overwrite_configfiles:
    configfile: Path(workflow.basedir) / "config" / "config.yaml"

RUN, PLANNER = open_run(
    config,
    root=Path(workflow.basedir),
    sources=workflow.configfiles,
    main=workflow.is_main_process,
    dry_run=workflow.dryrun,
)
JOB = job_command(RUN)
STOP = "--stop-on-failure" if RUN.stop_on_failure else ""


wildcard_constraints:
    codec=r"[A-Za-z0-9._@:+-]+",
    dataset=r"[A-Za-z0-9._-]+",
    unit=r"[A-Za-z0-9._-]+-[0-9a-f]+/[0-9a-f]+",
    sheet=r"[0-9a-f]+",


rule report:
    default_target: True
    input:
        f"results/{RUN.name}/report/index.html",
        # A dataset whose folder was deleted is made again; for the sake of tables that are there it would not be.
        expand("results/datasets/{dataset}/inventory.json", dataset=RUN.datasets),


include: "workflow/rules/datasets.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/diagnose.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/rate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/claims.smk"
