# Encode a chunk of pictures with one codec at one operating point.
# The unit's name holds digests of codec and pictures, so newer files of the same content start nothing.


rule encode:
    input:
        ancient("results/datasets/{dataset}/inventory.json"),
    output:
        "results/bitstreams/{codec}/{dataset}/{unit}.json",
    params:
        images=lambda wildcards: PLANNER.work.unit(
            wildcards.codec, wildcards.dataset, wildcards.unit
        ).chunk.images,
    shell:
        "{JOB} encode --codec={wildcards.codec} --dataset={wildcards.dataset} --unit={wildcards.unit}"
        " {STOP} --images {params.images}"
