"""A profile as a picture: an SVG file that needs nothing else. Each box is a function, over the one that called it, and as
wide as the instructions that it took with all that it called. Pointing at a box tells its numbers."""
import zlib
from html import escape

from .profiling import FIRMWARE, USER

WIDTH, ROW, MARGIN, TOP = 1200, 18, 10, 56
CHARACTER = 7.0   # width of one, in pixels
NARROWEST = 0.3   # boxes below that many pixels are left out


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
                  f'<style>g:hover rect {{ stroke: black; }}</style>\n'
                  f'<rect width="100%" height="100%" fill="white"/>\n'
                  f'<text x="{MARGIN}" y="24" font-size="15">{escape(title)}</text>\n'
                  f'<text x="{MARGIN}" y="42">{profile.total:,} instructions. Kernel orange, programs green, firmware violet; '
                  f'each box lies on what called it.</text>\n')
        for node, x, width, depth in drawn:
            y = height - MARGIN - (depth + 1) * ROW
            fits = int((width - 6) / CHARACTER)
            label = node.name if len(node.name) <= fits else node.name[:fits - 1] + "…" if fits >= 3 else ""
            calls = f", {node.calls:,} calls" if node.calls else ""
            tip = (f"{node.name}: {node.total:,} instructions ({100 * node.total / profile.total:.2f} %), "
                   f"{node.own:,} of them its own{calls}")
            out.write(f'<g><title>{escape(tip)}</title><rect x="{x:.2f}" y="{y}" width="{max(width - 0.5, 0.2):.2f}" '
                      f'height="{ROW - 1}" rx="1.5" fill="{colour(node, depth)}"/>'
                      + (f'<text x="{x + 3:.2f}" y="{y + 12.5}">{escape(label)}</text>' if label else "") + "</g>\n")
        out.write("</svg>\n")
