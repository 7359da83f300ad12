(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme: automatic, light, dark.
  const themes = ["automatic", "light", "dark"];
  const root = document.documentElement;
  const themeName = document.getElementById("theme-name");
  const showTheme = () => { themeName.textContent = `: ${root.dataset.theme ?? "automatic"}`; };
  showTheme();
  document.getElementById("theme").addEventListener("click", () => {
    const now = themes.indexOf(root.dataset.theme ?? "automatic");
    const next = themes[(now + 1) % themes.length];
    if (next === "automatic") delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* kept for this visit only */ }
    showTheme();
  });

  // Sorting. Cells without a number stay last in both directions.
  const key = (row, column, isNumber) => {
    const cell = row.cells[column];
    if (!isNumber) return cell.textContent.trim();
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };
  const sort = (table, column, direction) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const isNumber = rows.some((row) => row.cells[column].dataset.value !== undefined);
    const keyed = rows.map((row) => [key(row, column, isNumber), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return direction * (isNumber ? a - b : a.localeCompare(b, "en", { numeric: true }));
    });
    body.append(...keyed.map(([, row]) => row));
  };
  for (const table of all("table.sortable")) {
    const headers = all("thead th", table);
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of headers) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
        sort(table, column, direction);
      });
    });
  }

  // Filtering by name.
  const filter = document.getElementById("filter");
  if (filter) {
    const count = document.getElementById("filter-count");
    const rows = [...document.getElementById(filter.dataset.table).tBodies[0].rows];
    const everything = count.textContent;
    const apply = () => {
      const words = filter.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const name = row.cells[0].textContent.toLocaleLowerCase();
        row.hidden = !words.every((word) => name.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${everything}` : everything;
    };
    filter.addEventListener("input", apply);
    apply();
  }

  // Several figures of one kind: one at a time.
  all(".tabs").forEach((group, number) => {
    const figures = all(":scope > figure", group);
    if (figures.length < 2) return;
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", group.dataset.label);
    const panels = figures.map((figure, at) => {
      const panel = document.createElement("div");
      panel.id = `panel-${number}-${at}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", `tab-${number}-${at}`);
      figure.replaceWith(panel);
      panel.append(figure);
      return panel;
    });
    const tabs = figures.map((figure, at) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `tab-${number}-${at}`;
      tab.textContent = figure.dataset.tab;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panels[at].id);
      return tab;
    });
    const select = (at) => tabs.forEach((tab, other) => {
      tab.setAttribute("aria-selected", String(other === at));
      tab.tabIndex = other === at ? 0 : -1;
      panels[other].classList.toggle("unselected", other !== at);
    });
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => select(at));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = (at + step + tabs.length) % tabs.length;
        select(next);
        tabs[next].focus();
      });
    });
    list.append(...tabs);
    group.prepend(list);
    select(0);
  });

  // Tooltips of marks in figures: by pointer, and by arrow keys once a figure has the focus.
  const tip = document.getElementById("tip");
  const words = (mark) => {
    const title = mark.querySelector(":scope > title");
    if (title) {
      mark.setAttribute("aria-label", title.textContent.trim());
      title.remove();
    }
    return mark.getAttribute("aria-label");
  };
  const show = (mark) => {
    const box = mark.getBoundingClientRect();
    tip.textContent = words(mark);
    tip.hidden = false;
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(8, Math.min(left, root.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${above < 8 ? box.bottom + 8 : above}px`;
  };
  const hide = () => { tip.hidden = true; };
  const markOf = (event) => event.target.closest?.("svg .hit, svg [aria-label], svg g:has(> title)");
  // Content that scrolls below a pointer at rest is entered too; only a pointer that moves asks for a tooltip.
  let rest = "";
  document.addEventListener("pointerover", (event) => {
    const place = `${event.clientX},${event.clientY}`;
    if (place === rest) return;
    rest = place;
    const mark = markOf(event);
    if (mark && !mark.matches("svg")) show(mark); else hide();
  });
  document.addEventListener("pointermove", (event) => { rest = `${event.clientX},${event.clientY}`; });
  for (const svg of all("figure svg")) {
    const marks = all(".hit", svg);
    if (!marks.length) continue;
    // A picture has no parts for screen readers; this one has.
    svg.setAttribute("role", "group");
    marks.forEach((mark, at) => {
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", at ? "-1" : "0");
      words(mark);
      mark.addEventListener("focus", () => show(mark));
      mark.addEventListener("blur", hide);
      mark.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape") hide();
        if (!step) return;
        event.preventDefault();
        const next = marks[(at + step + marks.length) % marks.length];
        mark.setAttribute("tabindex", "-1");
        next.setAttribute("tabindex", "0");
        next.focus();
      });
    });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  // The focus itself scrolls a mark into view: its tooltip stays with it.
  addEventListener("scroll", () => {
    const focused = document.activeElement;
    if (!tip.hidden && focused.matches("svg .hit")) show(focused); else hide();
  }, { passive: true });

  // Folds: links open what they lead to; printing opens everything.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    let isChanged = false;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      isChanged ||= !fold.open;
      fold.open = true;
    }
    if (isChanged) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  for (const button of all("[data-open]")) {
    button.addEventListener("click", () => {
      for (const fold of all("details.network")) fold.open = button.dataset.open === "true";
    });
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  // The section that is read.
  const links = new Map(all("nav.contents a").map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const mark = () => {
    const current = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) seen.add(target.id); else seen.delete(target.id);
    }
    mark();
  }, { rootMargin: "-15% 0px -60% 0px" });
  for (const section of all("main > section")) observer.observe(section);
})();
