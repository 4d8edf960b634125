"""Scorers: rules that find an answer in a text and compare it with the right one."""
