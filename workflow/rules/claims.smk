# Judge every claim of paper/*.yaml by the tables of the run. Included last: it takes the tables of all rules.


def run_tables():
    folder = f"results/{RUN.name}/tables/"
    return sorted({str(file) for rule in workflow.rules for file in rule.output if str(file).startswith(folder)})


rule judge:
    input:
        rules.collect.output.run,
        run_tables(),
        registry=[
            str(path)
            for base in (RUN.definitions.root, *RUN.definitions.extra)
            for path in sorted((base / "paper").glob("*.yaml"))
        ],
    output:
        table=f"results/{RUN.name}/claims/claims.csv",
        page=f"results/{RUN.name}/claims/claims.json",
    shell:
        "{JOB} claims --run={RUN.name}"


# The table, and the page in the report.
rule claims:
    input:
        rules.judge.output,
        rules.report.input,
