"""Searches whose study is in a database: workers that share nothing else, and passwords that are nowhere in plain."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from pretended_sweeps import ROOT, Killed, Sweeps

pytest.importorskip("optuna", reason="pip install -e '.[sweeps]'")

import optuna

from gan.launch.sweeps import choices, study
from gan.launch.sweeps.choices import WORKER
from gan.launch.sweeps.search_storage import VARIABLE, Storage
from gan.system.passwords import without_passwords

SEARCH = ("hydra/sweeper=optuna", "optimizer.lr=tag(log,interval(1e-4,1))", "hydra.sweeper.study=mine")
URL = "postgresql://gan:geheim@db.example/search"


def trials(url: str) -> list[optuna.trial.FrozenTrial]:
    storage = study.connect(Storage(Path(), url))
    found = list(optuna.load_study(study_name="mine", storage=storage).get_trials(deepcopy=False))
    storage.engine.dispose()  # else a connection is open at the end of the process
    return found


def plain_passwords(folder: Path) -> list[Path]:
    """The files below a folder that have the password of `URL`."""
    return [path for path in folder.rglob("*") if path.is_file() and b"geheim" in path.read_bytes()]


def test_workers_with_nothing_but_a_database_share_the_trials_and_each_resumes_its_own(
    sweeps: Sweeps, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    words = (*SEARCH, f"hydra.sweeper.storage={url}", "hydra.sweeper.trials=3")
    sweeps.killed_at = {0}
    with pytest.raises(Killed):
        sweeps(*words, "hydra.sweep.dir=a")
    assert sweeps(*words, "hydra.sweep.dir=b") == 0
    told = capsys.readouterr().out
    assert f"Search mine in {url}: 3 of 3 trials: 2 complete, 1 running.\n" in told
    assert "2 jobs: 2 finished" in told
    assert sweeps(*words, "hydra.sweep.dir=a") == 0
    assert "1 job: 1 finished" in capsys.readouterr().out
    assert sweeps(*words, "hydra.sweep.dir=a") == 0
    assert len(sweeps.trained) == 4  # the first one twice
    assert [trial.state.name for trial in trials(url)] == ["COMPLETE"] * 3
    first, second, third = (trial.user_attrs[WORKER] for trial in trials(url))
    assert first != second == third
    assert len(list(Path("a").rglob("run.json"))) == 1
    assert sweeps(*words, "hydra.sweep.dir=a", "hydra.sweeper.objectives.fcd=maximize") == 2
    assert capsys.readouterr().err.endswith("give the same value, or another hydra.sweeper.study\n")


def test_of_two_workers_that_choose_the_last_trial_at_once_one_has_it(
    sweeps: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, ask = f"sqlite:///{tmp_path}/shared.db", optuna.Study.ask

    def after_another(self: optuna.Study) -> optuna.trial.Trial:
        ask(self)  # of the other worker
        return ask(self)

    monkeypatch.setattr(optuna.Study, "ask", after_another)
    assert sweeps(*SEARCH, f"hydra.sweeper.storage={url}", "hydra.sweeper.trials=1", "hydra.sweep.dir=a") == 0
    assert sweeps.trained == []
    assert [trial.state.name for trial in trials(url)] == ["RUNNING", "FAIL"]


def test_a_trial_that_a_killed_worker_has_left_does_not_count(
    sweeps: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, ask = f"sqlite:///{tmp_path}/shared.db", optuna.Study.ask
    words = (*SEARCH, f"hydra.sweeper.storage={url}", "hydra.sweeper.trials=1")

    def killed(self: optuna.Study) -> optuna.trial.Trial:
        ask(self)
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(optuna.Study, "ask", killed)
        sweeps(*words, "hydra.sweep.dir=a")
    assert sweeps(*words, "hydra.sweep.dir=b") == 0
    assert sweeps.trained == []  # the other worker may still be choosing
    monkeypatch.setattr(choices, "CHOOSING_SECONDS", 0.0)
    assert sweeps(*words, "hydra.sweep.dir=c") == 0
    assert len(sweeps.trained) == 1


def test_a_password_is_neither_printed_nor_saved_and_jobs_know_it(
    sweeps: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "shared.db"
    monkeypatch.setattr(study, "connect", lambda storage: optuna.storages.RDBStorage(f"sqlite:///{database}"))
    known = []
    sweeps.quality = lambda lr: known.append(os.environ[VARIABLE]) or lr  # type: ignore[func-returns-value]
    sweeps.stopped_at = {0}
    words = (*SEARCH, "hydra.sweeper.trials=1", "hydra.sweeper.prune=true")
    assert sweeps(*words, f"hydra.sweeper.storage={URL}") == 143
    sweeps.stopped_at = set()
    assert sweeps(*words, f"hydra.sweeper.storage={URL}") == 0
    told = capfd.readouterr()
    assert "is not finished; it is resumed." in told.out
    assert "hydra.sweeper.storage=postgresql://gan:***@db.example/search" in told.err
    assert "geheim" not in told.out + told.err
    assert known == [URL]
    assert VARIABLE not in os.environ
    assert plain_passwords(tmp_path) == []
    saved = "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))
    assert "gan:***@db.example" in saved  # multirun.yaml
    assert "study: mine" in saved  # of the callback that ends runs early


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:p@ss:w/rd@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("mysql://host/db?user=me&password=secret&ssl=1", "mysql://host/db?user=me&password=***&ssl=1"),
        ("sqlite:////tmp/a:b@c.db", "sqlite:////tmp/a:b@c.db"),
        ("seed=0", "seed=0"),
    ],
)
def test_passwords_are_replaced(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_the_message_of_a_database_is_shown_without_the_password() -> None:
    storage = Storage(Path("s"), "postgresql://me:ge%20heim@host/db")
    assert storage.without_secret("connection of me with 'ge heim' (ge%20heim) failed") == (
        "connection of me with '***' (***) failed"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("study.db", "hydra.sweeper.storage: the URL of a database expected, such as postgresql://HOST/DATABASE"),
        ("postgre://gan:geheim@host/db", "hydra.sweeper.storage: no such option 'postgre'; did you mean 'postgresql'?"),
        (
            "postgresql+pg8000://gan:geheim@host/db",
            "hydra.sweeper.storage: postgresql+pg8000://gan:***@host/db needs a driver for postgresql, which is not "
            "installed: pip install pg8000",
        ),
        ("sqlite:////nowhere/study.db", "hydra.sweeper.storage: sqlite:////nowhere/study.db cannot be used: unable to"),
    ],
)
def test_a_mistake_in_the_url_is_one_message_and_leaves_nothing(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    assert sweeps(*SEARCH, f"hydra.sweeper.storage={url}") == 2
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert "geheim" not in told
    assert list(sweeps.folder.iterdir()) == []


SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("initdb")] if found
]


@pytest.fixture
def postgresql() -> Iterator[str]:
    """URL of a new PostgreSQL server on this machine, with a password."""
    if not SERVERS or find_spec("psycopg") is None:
        pytest.skip("needs PostgreSQL (Debian: apt install postgresql) and its driver (pip install 'psycopg[binary]')")
    user = "postgres" if os.getuid() == 0 else None  # the server does not run as root, who owns pytest's folders
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        (folder / "password").write_text("geheim")
        for path in (folder, folder / "password") if user else ():
            shutil.chown(path, user)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()

        def server(program: str, *words: str) -> None:
            command = [str(SERVERS[-1] / program), "-D", str(folder / "data"), *words]
            with (folder / f"{words[-1]}.log").open("w") as log:
                subprocess.run(command, check=True, user=user, cwd=folder, stdout=log, stderr=log, timeout=120)

        server("initdb", "-A", "scram-sha-256", "-U", "gan", f"--pwfile={folder / 'password'}", "--no-sync")
        server("pg_ctl", "-o", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off", "-w", "start")
        yield f"postgresql://gan:geheim@127.0.0.1:{port}/postgres"
        server("pg_ctl", "-m", "immediate", "-w", "stop")


@pytest.mark.slow
def test_two_workers_at_once_on_a_real_postgresql(sweeps: Sweeps, postgresql: str, tmp_path: Path) -> None:
    objective = ("~hydra.sweeper.objectives.fcd", "+hydra.sweeper.objectives.epochs=minimize")
    search = (*SEARCH, *objective, "hydra.sweeper.n_jobs=2", f"hydra.sweeper.storage={postgresql}")
    program = [sys.executable, str(sweeps.script), "--config-path", str(sweeps.conf), "--config-name", "config", "-m"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    workers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        command = [*program, *search, "hydra.sweeper.trials=9"]
        workers.append(
            subprocess.Popen(
                command,
                cwd=tmp_path / name,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    told = [worker.communicate(timeout=500)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told
    done = trials(postgresql)
    assert [trial.state.name for trial in done if trial.state.name != "FAIL"] == ["COMPLETE"] * 9
    assert len({trial.params["optimizer.lr"] for trial in done if trial.values}) == 9  # no choice twice
    counts = [len(list((tmp_path / name).rglob("run.json"))) for name in ("a", "b")]
    assert min(counts) > 0
    assert sum(counts) == 9
    assert any("9 of 9 trials: 9 complete" in text for text in told)
    assert "geheim" not in "".join(told)
    assert plain_passwords(tmp_path) == []


def test_a_database_that_does_not_let_us_in_or_does_not_answer_is_one_message(
    sweeps: Sweeps, postgresql: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweeps(*SEARCH, f"hydra.sweeper.storage={postgresql.replace('geheim', 'geheimer')}") == 2
    refused = capsys.readouterr().err
    assert re.match(
        r"hydra\.sweeper\.storage: postgresql://gan:\*\*\*@127\.0\.0\.1:\d+/postgres cannot be used: ", refused
    )
    assert 'password authentication failed for user "gan"' in refused
    assert sweeps(*SEARCH, f"hydra.sweeper.storage={re.sub(r':[0-9]+/', ':1/', postgresql)}") == 2
    silent = capsys.readouterr().err
    assert "postgresql://gan:***@127.0.0.1:1/postgres cannot be used: connection" in silent
    assert "geheim" not in refused + silent
    assert list(sweeps.folder.iterdir()) == []
