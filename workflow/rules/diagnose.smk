# Examine reconstructions with the diagnostics that the run asks for; no rules where it asks for none.

if RUN.diagnostics:
    # Keys of diagnostics, as they stand in file names, to requests.
    REQUESTS = {diagnostic.key: diagnostic.request_json for diagnostic in RUN.diagnostics}

    def all_diagnoses(wildcards):
        inventories = [checkpoints.dataset.get(dataset=name).output[0] for name in RUN.datasets]
        return inventories + PLANNER.refresh().diagnoses()

    def diagnose_input(wildcards):
        files = [f"results/bitstreams/{wildcards.codec}/{wildcards.dataset}/{wildcards.unit}.json"]
        if wildcards.diagnostic == "text":
            chunk = wildcards.unit.rpartition("/")[2]
            files.append(
                f"results/diagnostics/references/{wildcards.dataset}/{chunk}/text-{wildcards.key}.json"
            )
        return files

    # The text of the references, read once for all codecs.
    rule references:
        input:
            ancient("results/datasets/{dataset}/inventory.json"),
        output:
            "results/diagnostics/references/{dataset}/{chunk}/text-{key}.json",
        wildcard_constraints:
            chunk="[0-9a-f]+",
            key="[0-9a-f]+",
        params:
            images=lambda wildcards: PLANNER.work.chunk(wildcards.dataset, wildcards.chunk).images,
            request=lambda wildcards: REQUESTS[wildcards.key],
        shell:
            "{JOB} references --dataset={wildcards.dataset} --chunk={wildcards.chunk}"
            " --request={params.request:q} --key={wildcards.key} --images {params.images}"

    rule diagnose:
        input:
            diagnose_input,
        output:
            "results/diagnostics/{codec}/{dataset}/{unit}/{diagnostic}-{key}.json",
        wildcard_constraints:
            diagnostic="[a-z]+",
            key="[0-9a-f]+",
        params:
            request=lambda wildcards: REQUESTS[wildcards.key],
        priority: 1
        shell:
            "{JOB} diagnose --codec={wildcards.codec} --dataset={wildcards.dataset} --unit={wildcards.unit}"
            " --request={params.request:q} --key={wildcards.key}"

    rule diagnosed:
        input:
            all_diagnoses,
        output:
            expand(
                "results/{run}/tables/{table}.csv",
                run=RUN.name,
                table=dict.fromkeys(
                    table for diagnostic in RUN.diagnostics for table in diagnostic.tables
                ),
            ),
        params:
            config=RUN.config_json,
            texts=RUN.texts_key,  # as for the other tables: other versions or points need other records
            diagnostics=sorted(REQUESTS),
        shell:
            "{JOB} diagnosed --config={params.config:q}"
