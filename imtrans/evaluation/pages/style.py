"""What the pages of imtrans share: how they are rendered, and their styles.

`base.css` holds colours and type, for all of them; `report.css` what the gallery and the comparison
have in common. Pages take them in when they are written, so each is one file that fetches nothing.
"""

from pathlib import Path
from typing import Any

import jinja2

FOLDER = Path(__file__).parent
BASE = "base.css"


def render_page(template: Path, **values: Any) -> str:
  """Renders a page; what goes into it is escaped, and a name that is missing is an error.

  Args:
    template: the HTML file; it may include the styles of this folder.
    **values: of the names in it.

  Returns:
    HTML.
  """
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader([template.parent, FOLDER]),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  return environment.get_template(template.name).render(values)


def with_base_style(page: str) -> str:
  """Puts the styles of all pages into one that is no template, in the place of /* base.css */.

  Args:
    page: HTML.

  Returns:
    The page.

  Raises:
    ValueError: if it has no such place, or several.
  """
  place = f"/* {BASE} */"
  if page.count(place) != 1:
    raise ValueError(f"a page must have one place {place}, this one has {page.count(place)}.")
  return page.replace(place, (FOLDER / BASE).read_text(encoding="utf-8").strip())
