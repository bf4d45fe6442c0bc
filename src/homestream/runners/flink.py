"""The engine on Apache Flink: the history of a home's folder through a job keyed by home.

    python -m homestream.runners.flink --home DIR [--parallelism N] [--checkpoint SECONDS]

It needs an environment of its own, see requirements-flink.txt. What it makes is below DIR/flink, anew by each
run: `facts` (seq, fact) and `marks` are JSON lines, each there once whatever failed on the way.

    batches -> key by home -> Fold (an engine in keyed state) -> facts
                                                             \\-> marks: how far, and the digest
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyflink.common import Configuration, Types, WatermarkStrategy
from pyflink.common.serialization import Encoder
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    FileSource,
    RollingPolicy,
    StreamFormat,
)

from homestream.engine.fold import combine
from homestream.errors import HomestreamError
from homestream.replay import history_of
from homestream.runners.batches import split
from homestream.runners.flink_fold import MARKS, Fold, Mark, key, read_mark, write_line

#: Below a home's folder; below it what goes in, what comes out, and what a restart goes on from.
FOLDER = "flink"
BATCHES_FILE, FACTS, MARKED, CHECKPOINTS, LOG = "batches", "facts", "marks", "checkpoints", "log"

#: A failure costs at most so much work again; a shorter time writes the same state more often.
CHECKPOINT_S = 5.0

#: Tries before the job is given up: what fails so often fails for a reason that another try does not mend.
RESTARTS = 5

#: Records that Flink hands to Python at once, and waits for at a checkpoint. They are large; more is no gain.
BUNDLE = 8

#: Between two looks at how far the job is.
LOOK_S = 0.5


def run(
    folder: Path,
    parallelism: int,
    checkpoint_s: float = CHECKPOINT_S,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """The digest of the history in a home's folder, as `homestream replay --digest` gives it.

    `progress` hears (entries done, all entries); a tick counts once for each home that it concerns.
    HomestreamError where there is no history, or the job failed more often than it is restarted.
    """
    work = (folder / FOLDER).absolute()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    total = write_batches(folder, work / BATCHES_FILE)
    if not total:
        raise HomestreamError(f"{folder} has no history yet; start it with: homestream up --home {folder}")
    job = build(work, parallelism, checkpoint_s).execute_async(f"homestream {folder.name}")
    ended = job.get_job_execution_result()
    while not ended.done():
        time.sleep(LOOK_S)
        progress(sum(mark.entries for mark in read_marks(work)), total)
    try:
        ended.result()
    except Py4JJavaError:
        raise HomestreamError(f"the Flink job failed {RESTARTS + 1} times; {work / LOG} says why") from None
    marks = sorted(read_marks(work), key=lambda mark: mark.seq)
    progress(sum(mark.entries for mark in marks), total)
    (work / BATCHES_FILE).unlink()
    shutil.rmtree(work / CHECKPOINTS)
    return combine({mark.home: mark.digest for mark in marks if mark.digest is not None})


def write_batches(folder: Path, file: Path) -> int:
    """The history in a home's folder as lines, a batch each; the number of entries in them."""
    count = 0
    with file.open("wb") as out:
        for batch in split(entries for entries, _ in history_of(folder)):
            out.write(write_line(batch))
            count += len(batch.entries)
    return count


def read_marks(work: Path) -> Iterator[Mark]:
    """Marks that are final: a part still written, or left by a failure, has a hidden name."""
    for part in (work / MARKED).glob("part-*"):
        yield from map(read_mark, part.read_bytes().splitlines())


def build(work: Path, parallelism: int, checkpoint_s: float) -> StreamExecutionEnvironment:
    """The job, wired."""
    # a process for each task, as on a cluster; by default a local job runs all as threads of this one
    os.environ.update({"_python_worker_execution_mode": "process", "FLINK_LOG_DIR": str(work / LOG)})
    config = Configuration()
    for name, value in {
        "parallelism.default": parallelism,
        "python.executable": sys.executable,
        "python.fn-execution.bundle.size": BUNDLE,
        "execution.checkpointing.interval": f"{round(checkpoint_s * 1000)} ms",
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": (work / CHECKPOINTS).as_uri(),
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": RESTARTS,
        "restart-strategy.fixed-delay.delay": "1 s",
    }.items():
        config.set_string(name, str(value))
    env = StreamExecutionEnvironment.get_execution_environment(config)
    lines = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(work / BATCHES_FILE))
    facts = (
        env.from_source(lines.build(), WatermarkStrategy.no_watermarks(), "batches")
        .key_by(key, key_type=Types.STRING())
        .process(Fold(), output_type=Types.STRING())
        .name("fold")
    )
    _into(work / FACTS, facts)
    _into(work / MARKED, facts.get_side_output(MARKS))
    return env


def _into(target: Path, lines: DataStream) -> None:
    """Lines into files below a folder, which become visible with the checkpoint that they belong to."""
    sink = FileSink.for_row_format(str(target), Encoder.simple_string_encoder())
    sink = sink.with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy())
    lines.sink_to(sink.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner()).build())


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(
        prog="homestream.runners.flink", description="The engine on Apache Flink."
    )
    parser.add_argument("--home", type=Path, required=True, help="the home's folder")
    parser.add_argument("--parallelism", type=int, default=os.cpu_count() or 1, help="tasks that fold")
    parser.add_argument("--checkpoint", type=float, default=CHECKPOINT_S, metavar="SECONDS")
    args = parser.parse_args()

    def progress(done: int, total: int) -> None:
        print(f"\r{done:,} of {total:,} entries", end="", file=sys.stderr, flush=True)

    try:
        digest = run(args.home, args.parallelism, args.checkpoint, progress)
    except HomestreamError as error:
        sys.exit(f"\nhomestream: {error}")
    print(file=sys.stderr)
    print(digest)


if __name__ == "__main__":
    main()
