"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Theme: the reader's system decides until the button is pressed.
  const button = byId("theme");
  const remembered = () => { try { return localStorage.getItem("synthdata-theme"); } catch { return null; } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  if (remembered()) root.dataset.theme = remembered();
  button.hidden = false;
  label();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("synthdata-theme", root.dataset.theme); } catch { /* a file opened from disk may not remember */ }
    label();
  });

  // Columns: find and sort.
  const cards = byId("cards");
  const controls = byId("column-controls");
  if (cards && cards.children.length > 1) {
    controls.hidden = false;
    const all = [...cards.children];
    byId("column-search").addEventListener("input", (event) => {
      const sought = event.target.value.trim().toLowerCase();
      for (const card of all) card.hidden = !card.dataset.name.includes(sought);
      byId("column-none").hidden = all.some((card) => !card.hidden);
    });
    const orders = {
      error: (a, b) => b.dataset.error - a.dataset.error,
      position: (a, b) => a.dataset.position - b.dataset.position,
      name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    };
    byId("column-sort").addEventListener("change", (event) => cards.append(...all.sort(orders[event.target.value])));
  }

  // Heatmaps: say which pair lies under the pointer.
  const source = byId("pair-data");
  const reading = byId("pair-reading");
  if (source && reading) {
    const data = JSON.parse(source.textContent);
    const size = data.names.length;
    const quiet = reading.textContent;
    const at = (matrix, i, j) => matrix[Math.max(i, j)][Math.min(i, j)];
    const shown = (value) => value === null ? "unknown" : (value / 100).toFixed(2).replace("-", "−");
    for (const svg of document.querySelectorAll(".heatmap")) {
      svg.addEventListener("pointermove", (event) => {
        const box = svg.getBoundingClientRect();
        const j = Math.min(size - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * size)));
        const i = Math.min(size - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * size)));
        reading.textContent = `${data.names[i]} with ${data.names[j]}: real ${shown(at(data.real, i, j))}, synthetic ${shown(at(data.synthetic, i, j))}`;
      });
      svg.addEventListener("pointerleave", () => { reading.textContent = quiet; });
    }
  }

  // The rail shows where the reader is.
  const links = new Map([...document.querySelectorAll(".rail a")].map((link) => [link.hash.slice(1), link]));
  if ("IntersectionObserver" in window) {
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) {
        for (const link of links.values()) link.classList.remove("here");
        links.get(entry.target.id)?.classList.add("here");
      }
    }, { rootMargin: "0px 0px -70% 0px" });
    for (const id of links.keys()) { const heading = byId(id); if (heading) watch.observe(heading); }
  }
})();
