// Draws a run: lanes, a row a step, breaks under their row. It needs nothing but the
// JSON of view.PageOf and run.css.
const RaceRun = (() => {
  const NS = 'http://www.w3.org/2000/svg';
  const svg = (name, attributes, ...children) => {
    const e = document.createElementNS(NS, name);
    for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
    e.append(...children);
    return e;
  };
  const html = (name, attributes, ...children) => {
    const e = document.createElement(name);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
      else if (v === true) e.setAttribute(k, '');
      else if (v !== false && v != null) e.setAttribute(k, v);
    }
    e.append(...children.flat().filter((c) => c != null));
    return e;
  };

  // Widths of text, as a canvas measures them.
  const canvas = document.createElement('canvas').getContext('2d');
  const fonts = {};
  const width = (text, kind) => {
    if (!fonts[kind]) {
      const style = getComputedStyle(document.documentElement);
      fonts[kind] = kind === 'mono' ? '12.5px ' + style.getPropertyValue('--mono') : '12.5px ' + style.getPropertyValue('--sans');
    }
    canvas.font = fonts[kind];
    return canvas.measureText(text).width;
  };
  const elide = (text, room, kind) => {
    if (width(text, kind) <= room) return text;
    let n = Math.max(1, Math.floor(text.length * room / width(text, kind)));
    while (n > 1 && width(text.slice(0, n) + '…', kind) > room) n--;
    return text.slice(0, n) + '…';
  };

  const LINE = 18, EDGE = 12;

  // place finds room for text beside a lane on one of a row's lines: to the right, or
  // else to the left; what fits nowhere is cut. Taken holds the spans of each line.
  function place(taken, x, size, from, area) {
    for (let k = from; ; k++) {
      const line = taken[k] ||= [];
      const free = (a, b) => line.every(([c, d]) => b <= c || a >= d);
      const right = [x + EDGE, x + EDGE + size], left = [x - EDGE - size, x - EDGE];
      if (right[1] <= area && free(...right)) { line.push(right); return { line: k, x: right[0], room: size }; }
      if (left[0] >= 0 && free(...left)) { line.push(left); return { line: k, x: left[0], room: size }; }
      if (line.length === 0) { // It is as long as the picture is wide.
        const start = area - x >= x ? x + EDGE : 0, room = area - x >= x ? area - x - EDGE : x - EDGE;
        line.push([start, start + room]);
        return { line: k, x: start, room };
      }
    }
  }

  // changedText sets what was and what is apart.
  function changedText(e, text) {
    const at = text.lastIndexOf(' → ');
    if (at < 0) { e.append(text); return; }
    e.append(text.slice(0, at + 3), svg('tspan', { class: 'to' }, text.slice(at + 3)));
  }

  function drawRow(row, g, orders) {
    const taken = [], items = [];
    const arrow = row.from >= 0 && row.from !== row.to;
    const put = (lane, parts, from) => { // parts: [text, kind, class]
      const size = parts.reduce((sum, p) => sum + width(p[0], p[1]) + 9, -9);
      items.push({ parts, ...place(taken, g.x(lane), size, from, g.area) });
    };
    let base = 0;
    const name = [row.name, 'mono', 'name'], said = row.said ? [[row.said, 'sans', 'said']] : [];
    if (arrow) {
      const a = g.x(row.from), b = g.x(row.to), left = Math.min(a, b), right = Math.max(a, b);
      const size = width(name[0], 'mono') + (row.said ? width(row.said, 'sans') + 9 : 0);
      taken[0] = [];
      if (size <= right - left - 28) {
        items.push({ parts: [name, ...said], line: 0, x: left + 14, room: size });
        taken[0].push([left + 14, left + 14 + size]);
      } else {
        const start = Math.min(left + 14, Math.max(0, g.area - size));
        items.push({ parts: [name, ...said], line: 0, x: start, room: g.area - start });
        taken[0].push([start, start + size]);
      }
      taken[1] = [[left - 6, right + 6]];
      base = 1;
    } else {
      row.lanes.forEach((lane, i) => {
        const own = row.changed.filter((c) => c.lane === lane).map((c) => [c.text, 'sans', 'changed']);
        const parts = [i === 0 ? name : [row.name, 'mono', 'name'], ...(i === 0 ? said : [])];
        const size = [...parts, ...own].reduce((sum, p) => sum + width(p[0], p[1]) + 9, 0);
        if (size <= g.area - g.x(lane) - EDGE && size < 420) put(lane, [...parts, ...own], 0);
        else { put(lane, parts, 0); own.forEach((p) => put(lane, [p], 0)); }
      });
    }
    for (const c of row.changed) if (arrow || !row.lanes.includes(c.lane)) put(c.lane, [[c.text, 'sans', 'changed']], base);
    const lines = Math.max(taken.length, base + 1);
    const height = lines * LINE + 8, y = (k) => 4 + k * LINE + 13;
    const s = svg('svg', { height, 'aria-hidden': 'true' });
    for (let i = 0; i < g.lanes; i++) s.append(svg('line', { class: 'lifeline', x1: g.gutter + g.x(i), x2: g.gutter + g.x(i), y1: 0, y2: height }));
    s.append(svg('text', { class: 'number', x: 26, y: y(base) }, row.first === row.last ? String(row.first) : row.first + '–' + row.last));
    orders.forEach((o, i) => bracket(s, o, i, row, height, y(base) - 4));
    const middle = y(base) - 4;
    if (arrow) {
      const a = g.gutter + g.x(row.from), b = g.gutter + g.x(row.to), d = a < b ? 1 : -1;
      s.append(svg('line', { class: 'arrow' + (row.answer ? ' answer' : ''), x1: a, x2: b - 11 * d, y1: middle, y2: middle }));
      s.append(svg('path', { class: 'tip', d: `M${b - 5 * d} ${middle} l${-8 * d} -4 v8 z` }));
    }
    for (const lane of row.lanes) s.append(svg('circle', { class: row.own || arrow ? 'dot' : 'dot hollow', cx: g.gutter + g.x(lane), cy: middle, r: 4.5 }));
    for (const item of items) {
      let x = g.gutter + item.x, left = item.room;
      for (const [text, kind, cls] of item.parts) {
        if (left < 12) break;
        const shown = elide(text, left, kind);
        const e = svg('text', { class: cls + ' halo', x, y: y(item.line) });
        if (cls === 'changed') changedText(e, shown); else e.append(shown);
        if (shown !== text) e.append(svg('title', {}, text));
        s.append(e);
        x += width(shown, kind) + 9;
        left -= width(shown, kind) + 9;
      }
    }
    return s;
  }

  // bracket leads in the gutter from the earlier step of an order to the later one.
  function bracket(s, order, i, row, height, middle) {
    const x = 38 + i * 11, { earlier, later } = order;
    const first = row.first <= earlier && earlier <= row.last, last = row.first <= later && later <= row.last;
    if (first) {
      s.append(svg('path', { class: 'bracket', d: `M${x + 6} ${middle} h-3 q-3 0 -3 3 V${height}` }));
      s.append(svg('text', { class: 'order', x, y: middle - 4 }, String(i + 1)));
    } else if (last) s.append(svg('path', { class: 'bracket', d: `M${x} 0 V${middle - 3} q0 3 3 3 h3` }));
    else if (row.first > earlier && row.first <= later) s.append(svg('path', { class: 'bracket', d: `M${x} 0 V${height}` }));
  }

  // draw fills an element with the picture. o: cursor (steps that have happened),
  // folded, culprit (orders), pick(step), rise (a new step was taken).
  function draw(box, page, o) {
    const rows = o.folded ? page.folded : page.rows, lanes = page.lanes;
    const orders = (o.culprit || []).filter((c) => c.later_at).slice(0, 6).map((c) => ({ earlier: c.earlier_at, later: c.later_at }));
    const gutter = 48 + orders.length * 11, area = Math.max(box.clientWidth - gutter - 8, 240);
    const step = lanes.length > 1 ? Math.min(area / lanes.length, 320) : 0;
    const g = { gutter, area, lanes: lanes.length, x: (i) => 8 + i * step };
    const heads = svg('svg', { height: 40 });
    lanes.forEach((lane, i) => {
      const x = gutter + g.x(i), room = (step || area) - 14;
      const e = svg('text', { class: 'head', x: x - 5, y: 17 }, elide(lane.name, room, 'sans'));
      e.append(svg('title', {}, lane.name));
      heads.append(e, svg('text', { class: 'kind', x: x - 5, y: 32 }, (o.kinds || {})[lane.kind] || lane.kind || ''));
    });
    const list = html('div', { class: 'rows', role: 'list' });
    for (const row of rows) {
      const steps = page.run.steps.slice(row.first - 1, row.last);
      const broke = steps.flatMap((s) => s.broke || []);
      const now = o.cursor >= row.first && o.cursor <= row.last;
      const said = steps.map((s) => s.event).join('; ') + '. ' + row.said + ' ' + row.changed.map((c) => c.text).join(', ');
      const div = html('div', {
        class: 'row' + (now ? ' now' : row.first > o.cursor ? ' later' : ''), role: 'listitem', 'aria-label': row.first + ': ' + said,
        title: steps.map((s) => s.event).join('; '), 'aria-current': now ? 'step' : null, onclick: () => o.pick && o.pick(row.last),
      }, drawRow(row, g, orders));
      list.append(div);
      for (const b of broke) list.append(html('div', { class: 'broke', style: `margin-left:${gutter - 6}px` + (row.first > o.cursor ? ';opacity:.32' : '') }, html('b', {}, b.property), ' ', b.error));
    }
    box.replaceChildren(html('div', { class: 'run' }, html('div', { class: 'heads', 'aria-hidden': 'true' }, heads), list));
    const current = list.querySelector('.now');
    if (!current) return;
    let end = current; // Its breaks are part of it.
    while (end.nextElementSibling && end.nextElementSibling.classList.contains('broke')) end = end.nextElementSibling;
    end.scrollIntoView({ block: 'nearest' });
    current.scrollIntoView({ block: 'nearest' });
  }

  // state is what all show after a number of steps: [{of, name, value, was, fresh}].
  function state(page, cursor) {
    const facts = page.run.start.map((f) => ({ ...f }));
    page.run.steps.slice(0, cursor).forEach((s, i) => {
      for (const c of s.changes) {
        let fact = facts.find((f) => f.of === c.of && f.name === c.name);
        if (!fact) { fact = { of: c.of, name: c.name }; facts.push(fact); }
        fact.value = c.is;
        if (i === cursor - 1) { fact.was = c.was; fact.fresh = true; }
      }
    });
    return facts.filter((f) => f.value !== '');
  }

  function drawState(table, page, cursor) {
    table.replaceChildren(...state(page, cursor).map((f) => html('tr', { class: f.fresh ? 'new' : '' },
      html('td', { class: 'of' }, f.of), html('td', {}, f.name),
      html('td', { class: 'value' }, f.fresh && f.was ? html('del', {}, f.was) : null, f.value))));
  }

  const icons = {
    first: 'M6 5v14M18 6l-8 6 8 6z', back: 'M15 6l-7 6 7 6', next: 'M9 6l7 6-7 6', last: 'M18 5v14M6 6l8 6-8 6z',
    fold: 'M5 7h14M5 12h14M5 17h14', light: 'M12 4v2M12 18v2M4 12h2M18 12h2M6.3 6.3l1.4 1.4M16.3 16.3l1.4 1.4M6.3 17.7l1.4-1.4M16.3 7.7l1.4-1.4M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z',
    link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-6-5.7l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 6 5.7l1-1', terminal: 'M5 7l5 5-5 5M12 17h7',
  };
  const icon = (name) => svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: icons[name] }));

  function theme(button) {
    let saved = null;
    try { saved = localStorage.getItem('racelab.theme'); } catch { /* a file may not store */ }
    const set = (t) => { document.documentElement.dataset.theme = t; };
    set(saved || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
    button.addEventListener('click', () => {
      const t = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
      set(t);
      try { localStorage.setItem('racelab.theme', t); } catch { /* as above */ }
    });
  }

  // copy copies text, also where a page from a file has no clipboard.
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = html('textarea', { style: 'position:fixed;opacity:0' });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
  }

  return { draw, drawState, state, html, svg, icon, theme, copy };
})();
