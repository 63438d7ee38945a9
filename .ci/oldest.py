"""The oldest versions that pyproject.toml admits, one requirement a line: of what runs, not of the tools of `dev`."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
optional = project["optional-dependencies"]
for requirement in [*project["dependencies"], *optional["export"], *optional["cluster"], *optional["sweeps"]]:
    print(re.sub(r"^([\w.-]+)>=([\w.]+).*", r"\1==\2", requirement))
# matplotlib 3.8 and typer 0.12 call names that newer versions of these warn about; in the tests a warning is an error.
print("pyparsing<3.3", "click<8.2", sep="\n")
