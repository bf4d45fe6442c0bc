"""What `home.toml` says of a bridge: an existing broker whose devices are this home's too."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from homestream.errors import PeerError
from homestream.wire.topics import check_filter


class BridgeConfig(BaseModel):
    """One `[[bridge]]` of `home.toml`, see docs/bridge.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    host: str
    #: default: 1883, with TLS 8883
    port: int = Field(default=0, ge=0, le=65535)
    version: Literal["3.1.1", "5"] = "5"
    user: str = ""
    password: str = Field(default="", repr=False)
    #: the broker keeps our session under this name; default: made of the home's and the bridge's
    client_id: str = ""
    topics: tuple[str, ...] = Field(default=("#",), min_length=1)
    tls: bool = False
    #: PEM files, below the home's folder or absolute; default: the system's authorities, no certificate
    ca: str = ""
    certificate: str = ""
    key: str = ""

    @field_validator("topics")
    @classmethod
    def _are_filters(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            try:
                check_filter(topic)
            except PeerError as error:
                raise ValueError(f"{topic!r}: {error}; write it as zigbee2mqtt/# or +/+/power") from None
        return topics

    @model_validator(mode="after")
    def _is_whole(self) -> "BridgeConfig":
        if (self.ca or self.certificate) and not self.tls:
            raise ValueError("ca and certificate are for TLS; set tls = true, or take them away")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together; set both, or neither")
        return self

    @property
    def where(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or (8883 if self.tls else 1883)
