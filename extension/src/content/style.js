// How everything that lies over a picture looks. One text for all of it, put into each closed shadow root.
// `all: initial !important` in the shadow's own sheet wins over what the page says of the host.

globalThis.mienStyle ??= `
:host {
  all: initial !important;
  position: fixed !important; inset: 0 !important; width: auto !important; height: auto !important;
  display: block !important; overflow: visible !important; background: none !important; border: 0 !important;
  padding: 0 !important; margin: 0 !important; pointer-events: none !important; z-index: 2147483647 !important;
  color-scheme: dark !important; contain: layout style !important;
}
:host([hidden]) { display: none !important; }
* { box-sizing: border-box; }
.overlay {
  position: fixed; overflow: hidden; pointer-events: none; container-type: size;
  font: 500 13px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: #fff;
  -webkit-font-smoothing: antialiased;
}
button {
  all: unset; box-sizing: border-box; pointer-events: auto; cursor: pointer; display: inline-flex;
  align-items: center; gap: 6px; min-height: 32px; padding: 0 14px; border-radius: 999px; white-space: nowrap;
  background: rgb(255 255 255 / .16); color: #fff; font-weight: 600; transition: background .12s, transform .12s;
}
button:hover { background: rgb(255 255 255 / .28); }
button:active { transform: scale(.97); }
button:focus-visible { outline: 2px solid #fff; outline-offset: 2px; box-shadow: 0 0 0 4px rgb(24 20 18 / .6); }
button.first { background: #fff; color: #1e1b19; }
button.first:hover { background: #f6e4da; }
svg { display: block; flex: none; }

.progress {
  position: absolute; inset: 0; display: grid; place-items: center; padding: 8px;
  background: rgb(24 21 20 / .7);
}
/* Only a still picture is blurred: behind the turning ring, a computer without a graphics card would never stop. */
.progress.failed { background: rgb(28 20 18 / .76); backdrop-filter: blur(14px) saturate(1.25); pointer-events: auto; }
.card { display: grid; justify-items: center; gap: 10px; text-align: center; max-width: min(100%, 340px); }
.ring { position: relative; width: 60px; height: 60px; }
.ring svg { width: 100%; height: 100%; transform: rotate(-90deg); }
.ring circle { fill: none; stroke-width: 5; stroke: rgb(255 255 255 / .2); }
.ring .done {
  stroke: #f0996f; stroke-linecap: round; stroke-dasharray: 100;
}
/* The browser draws on the processors that the swap needs: 20 times a second, and of known progress only each step. */
.ring.unknown svg { animation: turn 1.1s steps(22) infinite; }
.ring.unknown .done { stroke-dashoffset: 72 !important; }
.percent { position: absolute; inset: 0; display: grid; place-items: center; font-size: 14px; font-weight: 650;
  font-variant-numeric: tabular-nums; }
.words { display: grid; gap: 2px; }
.stage { font-weight: 600; text-wrap: balance; }
.left { opacity: .78; font-size: 12px; font-variant-numeric: tabular-nums; min-height: 1.4em; }
.left:empty { display: none; }
.sign {
  display: grid; place-items: center; width: 36px; height: 36px; border-radius: 50%; background: rgb(255 120 120 / .2);
}
.sign.plain { background: rgb(255 255 255 / .12); }
.actions { display: flex; flex-wrap: wrap; gap: 8px; justify-content: center; }
.reason { font-size: 13px; line-height: 1.45; text-wrap: pretty; }
@container (max-width: 219px) or (max-height: 189px) {
  .words .left, .progress:not(.failed) .stage { display: none; }
  .ring { width: 44px; height: 44px; } .percent { font-size: 11px; }
  button { min-height: 28px; padding: 0 10px; font-size: 12px; }
  .sign { display: none; } .reason { font-size: 12px; } .card { gap: 6px; }
}
@container (max-width: 119px) or (max-height: 109px) {
  .progress { padding: 2px; } .ring { width: 30px; height: 30px; } .percent { display: none; }
  .progress:not(.failed) button .label {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  .progress:not(.failed) button { min-height: 24px; padding: 0 6px; }
  .card { gap: 2px; }
}
.overlay.roomy { overflow: visible; }
@container (max-width: 69px) or (max-height: 69px) {
  .ring { width: 24px; height: 24px; }
  .progress:not(.failed) button {
    position: absolute; inset: 0; border-radius: 0; justify-content: center; background: none;
  }
  .progress:not(.failed) button svg { opacity: 0; }
  .progress:not(.failed) button:is(:hover, :focus-visible) { background: rgb(18 15 14 / .7); }
  .progress:not(.failed) button:is(:hover, :focus-visible) svg { opacity: 1; }
}
.overlay.roomy .progress.failed { background: rgb(34 25 22 / .96); inset: auto; inset-block-start: 0;
  inset-inline-start: 0;
  width: max-content; max-width: 280px;
  border-radius: 14px; padding: 14px; box-shadow: 0 12px 40px rgb(0 0 0 / .45); }

.mark { position: absolute; inset-block-end: 8px; inset-inline-end: 8px; display: flex; align-items: center; gap: 4px;
  padding: 3px; border-radius: 999px; background: rgb(24 21 20 / .72); backdrop-filter: blur(10px) saturate(1.3);
  box-shadow: 0 1px 6px rgb(0 0 0 / .35), inset 0 0 0 1px rgb(255 255 255 / .14); pointer-events: auto;
  max-width: calc(100% - 16px); animation: appear .16s ease-out; }
.mark .badge { min-height: 26px; min-width: 26px; padding: 0; justify-content: center; background: none; }
.mark .tools { display: none; gap: 4px; }
.mark:hover .tools, .mark:focus-within .tools, .mark.open .tools { display: flex; }
.mark .tools button { min-height: 26px; padding: 0 10px; font-size: 12px; }
.mark .note { display: none; padding-inline: 4px 6px; font-size: 12px; opacity: .9; white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis; }
.mark:hover .note, .mark:focus-within .note { display: block; }
@container (max-width: 439px) { .mark .note { display: none !important; } }
@container (max-width: 259px) { .mark .label { display: none; }
  .mark .tools button { padding: 0 6px; } }
@container (max-width: 79px) or (max-height: 59px) {
  .mark { inset-block-end: 2px; inset-inline-end: 2px; padding: 0; }
}
.original { position: absolute; inset-block-start: 8px; inset-inline-start: 8px; padding: 3px 10px;
  border-radius: 999px;
  background: rgb(24 21 20 / .72); font-size: 12px; font-weight: 600; }
img.cover { position: absolute; pointer-events: none; }

.overlay.beyond { overflow: visible; container-type: normal; }
.plate {
  position: fixed; pointer-events: auto; width: max-content; max-width: min(340px, calc(100vw - 16px));
  max-height: calc(100vh - 16px); overflow-y: auto; display: grid; gap: 10px; justify-items: center; padding: 16px;
  border-radius: 16px; background: rgb(36 36 39 / .97); text-align: center; outline: none;
  box-shadow: 0 14px 44px rgb(0 0 0 / .5), inset 0 0 0 1px rgb(255 255 255 / .12); animation: appear .12s ease-out;
}
.plate.of-faces { justify-items: stretch; padding: 12px; text-align: start; }
.plate .head { display: grid; grid-template-columns: auto 1fr auto; gap: 10px; align-items: center; }
.plate .target { width: 44px; height: 44px; border-radius: 10px; background: rgb(255 255 255 / .1); }
.plate .title { font-size: 14px; font-weight: 650; grid-column: 2; }
.plate .close { grid-column: 3; background: none; padding: 0 10px; }
.plate .choices { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 4px;
  min-width: min(280px, calc(100vw - 40px)); }
.plate .choices button.first { grid-column: 1 / -1; justify-content: center; margin: 4px; }
.plate .choice {
  display: grid; justify-items: center; gap: 6px; padding: 8px 4px; border-radius: 12px; background: none;
  text-align: center; font-size: 12.5px; align-content: start;
}
.plate .choice:hover, .plate .choice:focus-visible { background: rgb(255 255 255 / .14); }
.plate .choice .label {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; max-width: 76px; overflow: hidden;
  white-space: normal; overflow-wrap: anywhere; line-height: 1.3;
}
.plate .round, .plate .choice.add::before {
  width: 56px; height: 56px; border-radius: 50%; overflow: hidden; display: grid; place-items: center;
  background: rgb(255 255 255 / .12); font-size: 20px; font-weight: 650;
}
.plate .choice.add::before { content: "+" / ""; }
.plate .round img { width: 100%; height: 100%; object-fit: cover; display: block; }
.plate .choice[data-last] .round { box-shadow: 0 0 0 3px #f0996f; }

.highlight { position: absolute; inset: 0; border: 3px solid #f0996f; border-radius: inherit;
  box-shadow: 0 0 0 100vmax rgb(18 15 14 / .45); transition: inset .1s; }
.banner { position: fixed; inset-block-start: 16px; inset-inline: 0; margin-inline: auto; width: max-content;
  max-width: calc(100vw - 32px); display: flex; gap: 12px; align-items: center; padding: 10px 10px 10px 18px;
  border-radius: 999px; background: rgb(24 21 20 / .92); box-shadow: 0 10px 40px rgb(0 0 0 / .4);
  font: 500 14px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: #fff; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@keyframes appear { from { opacity: 0; } }
@keyframes turn { to { transform: rotate(270deg); } }
@media (prefers-reduced-motion: reduce) {
  *, .ring.unknown svg { animation-duration: 0s !important; transition: none !important; }
}
@media (forced-colors: active) { .mark, .progress, button { border: 1px solid CanvasText; } }
`;
