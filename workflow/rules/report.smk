# Render the site.


rule page:
    input:
        rules.collect.output,
        rules.analyse.output,
        rules.diagnosed.output if RUN.diagnostics else [],
        rules.rate.output if RUN.studies else [],
        f"results/{RUN.name}/claims/claims.json",
        templates=sorted(str(path) for path in (Path(workflow.basedir) / "reports").glob("*.*")),
    output:
        f"results/{RUN.name}/report/index.html",
    shell:
        "{JOB} report --run={RUN.name}"
