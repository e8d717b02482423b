"""A profile as a picture: an SVG file that needs nothing else. Each box is a function, over the one that called it, and as
wide as the instructions that it took with all that it called. Pointing at a box tells its numbers; a click makes it as wide
as the picture, and one on the lowest box shows everything again."""
import zlib
from html import escape

from .profiling import FIRMWARE, USER

WIDTH, ROW, MARGIN, TOP = 1200, 18, 10, 56
CHARACTER = 7.0   # width of one, in pixels
NARROWEST = 0.3   # boxes below that many pixels are left out

# Boxes below the one that was clicked become as wide as the picture, those beside it go away. The first word of a box's
# title is its name.
ZOOM = """
const margin = %d, whole = %d, character = %g;
const boxes = [...document.querySelectorAll("g")].map(g => {
  const rect = g.querySelector("rect"), text = g.querySelector("text");
  return {g, rect, text, name: g.querySelector("title").textContent.split(": ")[0], x: +rect.getAttribute("x"), y: +rect.getAttribute("y"),
          width: +rect.getAttribute("width")};
});
for (const chosen of boxes)
  chosen.g.addEventListener("click", () => {
    for (const b of boxes) {
      const below = b.y >= chosen.y && b.x <= chosen.x + 0.01 && b.x + b.width >= chosen.x + chosen.width - 0.01;
      const above = b.y < chosen.y && b.x >= chosen.x - 0.01 && b.x + b.width <= chosen.x + chosen.width + 0.01;
      const scale = whole / chosen.width, x = below ? margin : margin + (b.x - chosen.x) * scale;
      const width = below ? whole : Math.max(b.width * scale - 0.5, 0.2), fits = Math.floor((width - 6) / character);
      b.g.style.display = below || above ? "" : "none";
      b.rect.setAttribute("x", x);
      b.rect.setAttribute("width", width);
      b.text.setAttribute("x", x + 3);
      b.text.textContent = b.name.length <= fits ? b.name : fits >= 3 ? b.name.slice(0, fits - 1) + "\u2026" : "";
    }
  });
"""


def colour(node, depth):
    if depth == 0:
        return "hsl(210,15%,82%)"
    if depth == 1:
        return "hsl(210,45%,75%)"
    if node.name == USER:
        return "hsl(120,40%,72%)"
    if node.name == FIRMWARE:
        return "hsl(280,25%,78%)"
    shade = zlib.crc32(node.name.encode())  # the same function has the same colour everywhere
    return f"hsl({15 + shade % 35},{75 + shade // 35 % 15}%,{66 + shade // 525 % 10}%)"


def boxes(node, x, depth, scale):
    """(node, x, width, depth) of the node and all above it."""
    width = node.total * scale
    if width < NARROWEST:
        return
    yield node, x, width, depth
    for child in sorted(node.children, key=lambda c: c.name):
        yield from boxes(child, x, depth + 1, scale)
        x += child.total * scale


def write_svg(path, profile, title):
    drawn = list(boxes(profile.root, MARGIN, 0, (WIDTH - 2 * MARGIN) / profile.total))
    rows = max(depth for *_, depth in drawn) + 1
    height = TOP + rows * ROW + MARGIN
    with open(path, "w", encoding="utf-8", errors="replace") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
                  f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="11">\n'
                  f'<style>g:hover rect {{ stroke: black; }} g {{ cursor: pointer; }} g text {{ pointer-events: none; }}</style>\n'
                  f'<rect width="100%" height="100%" fill="white"/>\n'
                  f'<text x="{MARGIN}" y="24" font-size="15">{escape(title)}</text>\n'
                  f'<text x="{MARGIN}" y="42">{profile.total:,} instructions. Kernel orange, programs green, firmware violet; '
                  f'each box lies on what called it. A click zooms.</text>\n')
        for node, x, width, depth in drawn:
            y = height - MARGIN - (depth + 1) * ROW
            fits = int((width - 6) / CHARACTER)
            label = node.name if len(node.name) <= fits else node.name[:fits - 1] + "…" if fits >= 3 else ""
            calls = f", {node.calls:,} calls" if node.calls else ""
            tip = (f"{node.name}: {node.total:,} instructions ({100 * node.total / profile.total:.2f} %), "
                   f"{node.own:,} of them its own{calls}")
            out.write(f'<g><title>{escape(tip)}</title><rect x="{x:.2f}" y="{y}" width="{max(width - 0.5, 0.2):.2f}" '
                      f'height="{ROW - 1}" rx="1.5" fill="{colour(node, depth)}"/>'
                      f'<text x="{x + 3:.2f}" y="{y + 12.5}">{escape(label)}</text></g>\n')
        out.write(f"<script><![CDATA[{ZOOM % (MARGIN, WIDTH - 2 * MARGIN, CHARACTER)}]]></script>\n</svg>\n")
