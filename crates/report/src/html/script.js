
(() => {
  'use strict';
  const root = document.documentElement;
  const SVG = 'http://www.w3.org/2000/svg';

  const toggle = document.getElementById('theme');
  toggle.hidden = false;
  toggle.addEventListener('click', () => {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });

  // Sorting: numbers by their value, words by the alphabet, what is empty last.
  const key = cell => cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  const order = (a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
    return a.localeCompare(b, undefined, {numeric: true});
  };
  for (const table of document.querySelectorAll('.table table')) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const up = head.getAttribute('aria-sort') !== 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => (up ? 1 : -1) * order(key(a.cells[column]), key(b.cells[column])));
        table.tBodies[0].append(...rows);
      });
    });
  }

  // Charts: a line across at the nearest value, and the values of all series there.
  const nearest = (points, x) => {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - points[low - 1][0] < points[low][0] - x ? low - 1 : low;
  };
  const element = (parent, name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };
  for (const figure of document.querySelectorAll('figure')) {
    const data = JSON.parse(figure.querySelector('script').textContent);
    const series = data.series.filter(one => one.points.length > 0);
    const areas = data.areas || [];
    if (series.length + areas.length === 0) continue;
    const places = list => [...new Set(list.flatMap(one => one.points.map(point => point[0])))].sort((a, b) => a - b);
    const stops = places(series), strong = places(series.filter(one => one.markers));
    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.hidden = true;
    figure.append(tip);
    for (const svg of figure.querySelectorAll('svg.chart')) {
      const [left, top, width, height] = svg.dataset.area.split(' ').map(Number);
      const layer = element(svg, 'g', {});
      const hide = () => { tip.hidden = true; layer.replaceChildren(); };
      const put = (x, y) => {
        tip.hidden = false;
        const box = svg.getBoundingClientRect(), outer = figure.getBoundingClientRect();
        const scale = box.width / svg.viewBox.baseVal.width;
        const place = box.left - outer.left + x * scale;
        const right = place + 14 + tip.offsetWidth > outer.width;
        tip.style.left = `${Math.max(4, right ? place - 14 - tip.offsetWidth : place + 14)}px`;
        tip.style.top = `${box.top - outer.top + y * scale + 8}px`;
      };
      const row = (one, text) => {
        const made = document.createElement('span');
        const dot = document.createElement('i');
        dot.className = one.class;
        made.append(dot, `${one.name}: ${text}`);
        tip.append(made);
      };
      const show = at => {
        layer.replaceChildren();
        tip.replaceChildren();
        const x = left + at * width;
        element(layer, 'line', {class: 'cross', x1: x, x2: x, y1: top, y2: top + height});
        const head = document.createElement('b');
        tip.append(head);
        let best = Infinity;
        for (const one of series) {
          const point = one.points[nearest(one.points, at)];
          const away = Math.abs(point[0] - at);
          if (away * width > 9) continue;
          if (away < best) {
            best = away;
            head.textContent = `${data.x} ${point[2]}`;
          }
          if (point[1] !== null) {
            element(layer, 'circle', {class: 'halo', cx: left + point[0] * width, cy: top + point[1] * height, r: 6.5});
          }
          row(one, point[3]);
        }
        put(x, top);
      };
      // Timelines and maps: the one thing that is under the pointer or near it.
      const things = [
        ...areas.map(([x0, x1, y0, y1, index, text]) => ({x0, x1, y0, y1, one: data.series[index], text, area: true})),
        ...series.flatMap(one => one.points.map(([x, y, across, text]) =>
          ({x0: x, x1: x, y0: y, y1: y, one, text: `${data.x} ${across}, ${text}`}))),
      ];
      const point = thing => {
        const {x0, x1, y0, y1, one} = thing;
        layer.replaceChildren();
        tip.replaceChildren();
        const x = left + x0 * width, y = top + y0 * height;
        if (thing.area) {
          element(layer, 'rect', {class: 'halo', x, y, width: Math.max(1, (x1 - x0) * width), height: Math.max(1, (y1 - y0) * height)});
        } else {
          element(layer, 'circle', {class: 'halo', cx: x, cy: y, r: 6.5});
        }
        row(one, thing.text);
        put(left + (x0 + x1) / 2 * width, top + y1 * height);
      };
      const outside = (low, high, at) => Math.max(low - at, at - high, 0);
      const under = (u, v) => {
        let best = null, least = 12;
        for (const thing of things) {
          const away = Math.hypot(outside(thing.x0, thing.x1, u) * width, outside(thing.y0, thing.y1, v) * height);
          if (away < least || away === least && best) [best, least] = [thing, away];
        }
        return best;
      };
      const closest = (list, at) => list.reduce((a, b) => Math.abs(b - at) < Math.abs(a - at) ? b : a, Infinity);
      const stop = at => {
        const marker = closest(strong, at);
        return Math.abs(marker - at) * width < 12 ? marker : closest(stops, at);
      };
      let current = null;
      svg.addEventListener('pointermove', event => {
        const box = svg.getBoundingClientRect();
        const scale = box.width / svg.viewBox.baseVal.width;
        const at = ((event.clientX - box.left) / scale - left) / width;
        if (data.plane) {
          current = under(at, ((event.clientY - box.top) / scale - top) / height);
          if (current) point(current); else hide();
          return;
        }
        const inside = at >= -0.02 && at <= 1.02;
        if (inside) show(current = stop(at)); else hide();
      });
      svg.addEventListener('pointerleave', hide);
      svg.addEventListener('blur', hide);
      svg.tabIndex = 0;
      svg.addEventListener('keydown', event => {
        const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (event.key === 'Escape') hide();
        if (!step) return;
        event.preventDefault();
        const list = data.plane ? things : stops;
        const index = current === null ? (step > 0 ? 0 : list.length - 1) : list.indexOf(current) + step;
        current = list[Math.min(Math.max(index, 0), list.length - 1)];
        if (data.plane) point(current); else show(current);
      });
    }
  }
})();
