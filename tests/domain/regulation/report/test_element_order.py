"""Schemas that are read for their order: only what lies beside a file is opened, and what is none is named."""

from __future__ import annotations

import pytest

from domain.problems import BadInput
from domain.regulation.report.element_order import read_schema

XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def test_included_and_imported_files_are_read_with_extended_types_in_their_order(tmp_path):
    (tmp_path / "base.xsd").write_text(
        f'<xs:schema {XS}><xs:complexType name="B"><xs:sequence><xs:element name="one"/></xs:sequence></xs:complexType></xs:schema>'
    )
    (tmp_path / "other.xsd").write_text(f'<xs:schema {XS} targetNamespace="urn:o"><xs:element name="far"/></xs:schema>')
    (tmp_path / "main.xsd").write_text(
        f"""<xs:schema {XS} xmlns:o="urn:o" xmlns="urn:m" targetNamespace="urn:m" elementFormDefault="qualified">
        <xs:include schemaLocation="base.xsd"/>
        <xs:import namespace="urn:o" schemaLocation="other.xsd"/><xs:include schemaLocation="main.xsd"/>
        <xs:element name="root"><xs:complexType>
        <xs:complexContent><xs:extension base="B"><xs:sequence>
        <xs:element ref="o:far"/><xs:element name="near" form="unqualified"/></xs:sequence></xs:extension>
        </xs:complexContent></xs:complexType>
        </xs:element></xs:schema>"""
    )
    root = read_schema(tmp_path / "main.xsd").element("{urn:m}root")
    assert root is not None
    assert list(root.content().children) == ["one", "{urn:o}far", "near"]
    assert root.content().position("elsewhere") == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<a", "cannot be read"),
        ("<a/>", "not an XML Schema"),
        (f'<xs:schema {XS}><xs:include schemaLocation="../away.xsd"/></xs:schema>', "side by side"),
        (f'<xs:schema {XS}><xs:include schemaLocation="http://away/a.xsd"/></xs:schema>', "side by side"),
        (f'<xs:schema {XS}><xs:include schemaLocation="gone.xsd"/></xs:schema>', "cannot be read"),
    ],
)
def test_what_is_no_schema_or_leads_elsewhere_is_refused(text, words, tmp_path):
    (tmp_path / "a.xsd").write_text(text)
    with pytest.raises(BadInput, match=words):
        read_schema(tmp_path / "a.xsd")
