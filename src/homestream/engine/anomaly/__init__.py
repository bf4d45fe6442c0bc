"""What is unusual: spikes, dead sensors that look alive, drift from the usual hour; learned online."""

from homestream.engine.anomaly.anomalies import Anomalies

__all__ = ["Anomalies"]
