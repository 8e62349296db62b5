"""Plain values -> YAML text that yaml_text reads as the same values."""

import yaml

from fastgw.load.yaml_text import plain


class _Writer(yaml.CSafeDumper):
    """Texts that would be read as something else stand in quotes, several lines in a block."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    style = None
    if not isinstance(plain(text), str) or text == "<<":
        style = '"'
    elif "\n" in text:
        style = "|"
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _text)


def write(value: object) -> str:
    return yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=110)
