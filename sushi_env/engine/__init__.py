"""The serving engine, compiled: arrivals, queue, service, observation, metrics."""
