"""The style sheet and the script of the page. The script shows a cell's evidence, and writes it as text only."""

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1d2430; --soft: #5c6675; --rule: #dde1e7;
  --open: #1a7f4b; --open-back: #e3f4ea; --shut: #66707f; --shut-back: #eceef1; --wrong: #c4202b; --wrong-back: #ffe0e0;
  --doubt: #9a6200; --doubt-back: #fff0cf; --focus: #2463eb; }
@media (prefers-color-scheme: dark) { :root { --page: #14171c; --card: #1d2128; --ink: #e4e8ee; --soft: #9aa4b2;
  --rule: #333a45; --open: #5fd196; --open-back: #173425; --shut: #98a2b1; --shut-back: #2a2f38; --wrong: #ff8087;
  --wrong-back: #4a1a1f; --doubt: #f1bd5c; --doubt-back: #40300f; --focus: #7aa7ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 28px 24px; } .showing main { padding-bottom: 48vh; }
h1 { font-size: 25px; margin: 0 0 10px; } h2 { font-size: 18px; margin: 36px 0 12px; }
h3 { display: inline; font-size: 15px; margin: 0; }
.chips span { display: inline-block; border-radius: 99px; padding: 2px 12px; margin: 0 8px 6px 0; font-weight: 600;
  background: var(--shut-back); color: var(--shut); }
.chips .passed { background: var(--open-back); color: var(--open); }
.chips .failed, .chips .xpassed { background: var(--wrong-back); color: var(--wrong); }
.chips .error { background: var(--doubt-back); color: var(--doubt); }
.note { border-left: 4px solid var(--doubt); background: var(--doubt-back); padding: 8px 14px; margin: 12px 0;
  border-radius: 0 6px 6px 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.card, details.step, details.test { background: var(--card); border: 1px solid var(--rule); border-radius: 9px;
  padding: 14px 18px; margin: 0 0 12px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 20px; margin: 0; } dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary .soft { margin-left: 8px; } .soft { color: var(--soft); }
summary .bad { color: var(--wrong); font-weight: 600; margin-left: 8px; }
summary .unsure { color: var(--doubt); font-weight: 600; margin-left: 8px; }
.word { font-weight: 600; margin-right: 8px; } .word.failed, .word.xpassed { color: var(--wrong); }
.word.error { color: var(--doubt); }
pre { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: 10px 0 0; }
.pictures { display: flex; flex-wrap: wrap; gap: 26px; margin-top: 14px; align-items: flex-start; }
.scroll { overflow: auto; max-width: 100%; max-height: 78vh; }
table.matrix { border-collapse: separate; border-spacing: 3px; font-size: 13px; }
.matrix th { font-weight: 500; white-space: nowrap; }
.matrix th[scope=row] { text-align: right; padding-right: 8px; position: sticky; left: 0; background: var(--card); }
.matrix thead th { padding: 0 6px 4px; vertical-align: bottom; position: sticky; top: 0; z-index: 1;
  background: var(--card); }
.groups th { text-align: left; color: var(--soft); } .folds { font-size: 13px; }
.slanted thead th { padding: 0 0 4px; } .slanted thead span { writing-mode: vertical-rl; transform: rotate(180deg); }
.corner { color: var(--soft); vertical-align: bottom; text-align: right; padding-right: 8px; }
.matrix tbody td { text-align: center; border-radius: 5px; min-width: 30px; height: 28px; }
td.none { border: 1px dashed var(--rule); }
.matrix button { all: unset; cursor: pointer; width: 100%; min-height: 28px; line-height: 28px; padding: 0 5px;
  box-sizing: border-box; border-radius: 5px; white-space: nowrap; text-align: center; }
.matrix button:hover { outline: 2px solid var(--rule); }
.matrix button:focus-visible, .matrix button[aria-pressed=true] { outline: 2px solid var(--focus); }
.open { background: var(--open-back); color: var(--open); } .shut { background: var(--shut-back); color: var(--shut); }
.wrong { background: var(--wrong-back); color: var(--wrong); font-weight: 700; }
.doubt { background: var(--doubt-back); color: var(--doubt); font-weight: 700; }
.legend span { padding: 1px 8px; border-radius: 5px; margin-right: 6px; white-space: nowrap; }
.legend { font-size: 13px; }
svg.graph { max-width: 100%; height: auto; font-size: 12.5px; }
.graph rect { fill: var(--card); stroke: var(--rule); stroke-width: 1.5; } .graph text { fill: var(--ink); }
.edge { fill: none; stroke-width: 1.8; cursor: pointer; stroke: var(--open); opacity: .75; }
.edge.wrong, .edge.doubt { stroke: var(--wrong); stroke-width: 3; opacity: 1; } .edge.doubt { stroke: var(--doubt); }
.edge.missed { stroke-dasharray: 7 5; } .edge:hover { stroke-width: 5; opacity: 1; }
#evidence { position: fixed; left: 0; right: 0; bottom: 0; max-height: 46vh; overflow: auto; background: var(--card);
  border-top: 2px solid var(--focus); box-shadow: 0 -6px 24px #0004; padding: 12px 28px 16px; z-index: 5; }
#evidence[hidden] { display: none; }
#evidence h4 { margin: 0; font-size: 14px; padding-right: 40px; overflow-wrap: anywhere; }
#close { position: absolute; right: 22px; top: 10px; font: inherit; cursor: pointer; }
""".strip()

SCRIPT = """
"use strict";
const steps = JSON.parse(document.getElementById("data").textContent);
const panel = document.getElementById("evidence");
let pressed = null;
function release() { if (pressed) pressed.removeAttribute("aria-pressed"); pressed = null; }
function hide() { panel.hidden = true; document.body.classList.remove("showing"); release(); }
function show(holder) {
  const step = steps[Number(holder.closest("[data-step]").dataset.step)];
  const lines = step.stories[Number(holder.dataset.path)].map((number) => step.lines[number]);
  panel.querySelector("h4").textContent = lines[0];
  panel.querySelector("pre").textContent = lines.slice(1).join("\\n");
  panel.hidden = false;
  document.body.classList.add("showing");
  panel.scrollTop = 0;
  release();
  pressed = holder;
  holder.setAttribute("aria-pressed", "true");
}
document.addEventListener("click", (event) => {
  const holder = event.target.closest("[data-path]");
  if (holder) show(holder);
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
document.getElementById("close").addEventListener("click", hide);
""".strip()
