# Gather all records into tables, and compute rate-distortion curves and BD-rates from the scores.


def all_records(wildcards):
    inventories = [checkpoints.dataset.get(dataset=name).output[0] for name in RUN.datasets]
    return inventories + PLANNER.refresh().files()


# Findings of the diagnostic fidelity stand beside the codec in every table.
FINDINGS = [
    f"results/{RUN.name}/tables/{FINDINGS_TABLE}.csv"
    for diagnostic in RUN.diagnostics
    if FINDINGS_TABLE in diagnostic.tables
]


rule collect:
    input:
        all_records,
        FINDINGS,
    output:
        run=f"results/{RUN.name}/run.json",
        tables=expand(
            "results/{run}/tables/{table}.csv",
            run=RUN.name,
            table=["scores", "evidence", "failures", "curves"],
        ),
    params:
        config=RUN.config_json,
        texts=RUN.texts_key,  # labels and licences are in run.json
    shell:
        "{JOB} collect --config={params.config:q}"


rule analyse:
    input:
        rules.collect.output,
        FINDINGS,
    output:
        expand(
            "results/{run}/tables/{table}.csv",
            run=RUN.name,
            table=["rd", "bd_rate", "bd_rate_images", "paired"],
        ),
    shell:
        "{JOB} analyse --run={RUN.name}"
