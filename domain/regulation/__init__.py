"""The rules of regulators as data: what must be reported, kept, limited and checked, and how a report is made from rows.

rulebook     the values that regulations.yaml is read into
reading      the file to a rulebook, with the line and the fix where it is wrong
expressions  the closed language of its conditions, compiled to Polars
report/      rows to documents and findings
"""
