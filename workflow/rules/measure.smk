# Decode the bitstreams of a sheet, each once, and compute its metrics on the reconstructions.


rule measure:
    input:
        lambda wildcards: PLANNER.work.records_of(
            wildcards.codec, wildcards.dataset, wildcards.sheet
        ),
    output:
        "results/measurements/{codec}/{dataset}/{sheet}.json",
    # Finish what was begun: bitstreams wait for their measurements, not the other way round.
    priority: 1
    shell:
        "{JOB} measure --codec={wildcards.codec} --dataset={wildcards.dataset} --sheet={wildcards.sheet}"
        " {STOP}"
