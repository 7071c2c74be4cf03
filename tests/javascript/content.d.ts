// What the classic scripts of extension/src/content/ share in the page's isolated world.
interface MienProgress {
  words: string;
  left: string;
  fraction: number | null;
}

declare var mienStyle: string;
declare var mienIcons: Readonly<Record<"cross" | "undo" | "compare" | "frame" | "swap" | "warning", string>>;
declare var mienElement: <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className?: string,
  text?: string,
) => HTMLElementTagNameMap[Name];
declare var mienIcon: (path: string, size?: number) => SVGElement;
declare var mienCircles: () => SVGElement;
declare var mienButton: (
  label: string,
  press: (event: MouseEvent) => void,
  look?: { className?: string; icon?: string | null; title?: string },
) => HTMLButtonElement;
declare var mienFrame: any;
declare var mienSource: any;
declare var mienFinder: any;
declare var mienBytes: any;
declare var mienRead: any;
declare var mienPick: any;
declare var mienPage: any;
declare var MienOverlay: any;
declare var MienProgressOverlay: any;
declare var MienReplacement: any;
declare var MienMark: any;
declare var MienPlate: any;
declare var MienFacePlate: any;
declare var mienSay: any;
declare var MienSwap: any;

// Firefox's name for contextMenus, with what Chromium has not.
declare namespace chrome.menus {
  const getTargetElement: ((id: number) => Element | null) | undefined;
}
