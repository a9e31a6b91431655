(() => {
  'use strict';
  const HEIGHT = 20;
  for (const section of document.querySelectorAll('.flame')) {
    const parts = JSON.parse(section.querySelector('script').textContent);
    const view = section.querySelector('.flame-view'), tools = section.querySelector('.flame-tools');
    const [search, all, told] = ['input', 'button', 'output'].map(name => tools.querySelector(name));
    if (parts.length === 0) continue;
    section.querySelector('.flame-list').hidden = true;
    tools.hidden = view.hidden = false;
    let focus = -1;
    const percent = share => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;
    const describe = ([name, detail, amount, share]) => `${name} – ${amount}, ${percent(share)}${detail ? ` – ${detail}` : ''}`;
    const ancestors = index => {
      const list = new Set();
      for (let at = index; at >= 0; at = parts[at][7]) list.add(at);
      return list;
    };
    const draw = () => {
      const [left, width] = focus < 0 ? [0, 1] : [parts[focus][4], parts[focus][3]];
      const above = focus < 0 ? new Set() : ancestors(focus);
      const pixels = view.clientWidth || 1000;
      const word = search.value.trim().toLowerCase();
      const boxes = [];
      let deepest = 0, found = 0;
      // Parts within others that match as well are not counted again.
      const matches = new Array(parts.length).fill(false);
      parts.forEach((part, index) => {
        const hit = word !== '' && (part[0].toLowerCase().includes(word) || part[1].toLowerCase().includes(word));
        const inside = part[7] >= 0 && matches[part[7]];
        matches[index] = hit || inside;
        if (hit && !inside) found += part[3];
        const isAbove = above.has(index);
        const from = isAbove ? 0 : (part[4] - left) / width, size = isAbove ? 1 : part[3] / width;
        if (from > 0.99999 || from + size < 0.00001 || size * pixels < 1.5) return;
        const box = document.createElement('button');
        box.type = 'button';
        box.className = `c${part[6]}${isAbove && index !== focus ? ' above' : ''}${hit ? ' found' : ''}`;
        box.style.left = `${100 * Math.max(0, from)}%`;
        box.style.width = `${100 * Math.min(1, size)}%`;
        box.style.top = `${part[5] * HEIGHT}px`;
        if (size * pixels > 24) box.textContent = part[0];
        box.title = describe(part);
        box.addEventListener('click', () => { focus = index; draw(); });
        box.addEventListener('mouseenter', () => { told.textContent = describe(part); });
        boxes.push(box);
        deepest = Math.max(deepest, part[5]);
      });
      view.replaceChildren(...boxes);
      view.style.height = `${(deepest + 1) * HEIGHT + 4}px`;
      if (word !== '') told.textContent = `${percent(found)} of all match`;
      else if (focus >= 0) told.textContent = describe(parts[focus]);
    };
    search.addEventListener('input', draw);
    all.addEventListener('click', () => { focus = -1; search.value = ''; told.textContent = ''; draw(); });
    addEventListener('resize', draw);
    new ResizeObserver(draw).observe(section);
    draw();
  }
})();
