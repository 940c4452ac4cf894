# Fetch a dataset, verify it, and normalise its pictures to 8-bit sRGB PNG.
# A checkpoint, because which pictures there are is known only afterwards.


checkpoint dataset:
    output:
        "results/datasets/{dataset}/inventory.json",
    params:
        arguments=lambda wildcards: dataset_arguments(RUN, wildcards.dataset),
    shell:
        "{JOB} dataset {params.arguments}"
