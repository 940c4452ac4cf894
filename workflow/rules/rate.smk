# Analyse the studies of people that the run names; no rule where it names none.

if RUN.studies:
    rule rate:
        input:
            rules.collect.output,
            [str(study.path) for study in RUN.studies.values()],
        output:
            expand("results/{run}/tables/{table}.csv", run=RUN.name, table=RATING_TABLES),
        params:
            config=RUN.config_json,
        shell:
            "{JOB} rated --config={params.config:q}"
