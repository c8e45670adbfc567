"""meta.properties: whose a log directory is (version 1, as Kafka writes it).

Two lines are our own, and passed over by Kafka: the ids of all log directories of the broker, so
that it is noticed when one is away; and the format of what else lies there, which rises when a
broker of before would misread it.
"""

from dataclasses import dataclass

from broker.errors import StorageError
from broker.storage.checkpoint import read_file, replace_file
from broker.storage.files import Files

FILE_NAME = "meta.properties"
_VERSION = "1"
_ALL = "footfall.directory.ids"
_FORMAT = "footfall.format"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class MetaProperties:
    """Ids are 22 characters of URL-safe base64, as Kafka writes a uuid."""

    cluster_id: str
    node_id: int
    directory_id: str
    all_directory_ids: frozenset[str] = frozenset()
    """Of this broker, this one's among them; empty in a file that does not say."""

    def check(self, path: str, node_id: int, cluster_id: str | None) -> None:
        """StorageError if the directory belongs to another broker or cluster."""
        if self.node_id != node_id:
            raise StorageError(
                f"{path} belongs to node {self.node_id}, this is node {node_id}:"
                " set node_id or log_dirs accordingly"
            )
        if cluster_id is not None and self.cluster_id != cluster_id:
            raise StorageError(
                f"{path} belongs to cluster {self.cluster_id}, the other log dirs to {cluster_id}"
            )


def read_properties(files: Files, directory: str) -> MetaProperties | None:
    """None if there is no such file; StorageError if it cannot be understood."""
    path = f"{directory}/{FILE_NAME}"
    data = read_file(files, path)
    if data is None:
        return None
    lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    try:
        version, found = values["version"], int(values.get(_FORMAT, FORMAT))
        if version != _VERSION or found > FORMAT:
            raise StorageError(
                f"{path} has version {version} and format {found}, this broker knows {_VERSION} and"
                f" {FORMAT}: a newer one wrote this directory, start that one; nothing was changed"
            )
        return MetaProperties(
            values["cluster.id"],
            int(values["node.id"]),
            values["directory.id"],
            frozenset(filter(None, values.get(_ALL, "").split(","))),
        )
    except (KeyError, ValueError) as error:
        raise StorageError(
            f"{path} lacks or garbles {error}: put it back from a copy, or write it anew by hand"
        ) from error


def write_properties(files: Files, directory: str, properties: MetaProperties) -> None:
    """Write them, unless they stand there already."""
    if read_properties(files, directory) == properties:
        return
    text = (
        f"cluster.id={properties.cluster_id}\n"
        f"directory.id={properties.directory_id}\n"
        f"{_ALL}={','.join(sorted(properties.all_directory_ids))}\n"
        f"{_FORMAT}={FORMAT}\n"
        f"node.id={properties.node_id}\n"
        f"version={_VERSION}\n"
    )
    replace_file(files, directory, FILE_NAME, text.encode())
