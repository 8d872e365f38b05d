"""Pipelines that build data sets and make maps, on any Apache Beam runner."""
