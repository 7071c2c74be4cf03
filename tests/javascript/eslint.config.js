// Errors that a type check does not see. What a line looks like is the formatter's business.
import js from "@eslint/js";
import globals from "globals";

const CONTENT = "extension/src/content/*.js";

export default [
  { ignores: ["**/node_modules/", "**/*.json"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      complexity: ["error", 14],
      eqeqeq: "error",
      "max-depth": ["error", 3],
      "max-len": ["error", { code: 120, ignoreUrls: true }],
      "max-lines": ["error", { max: 200, skipBlankLines: true, skipComments: true }],
      "no-console": "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  {
    // Markup from text would be a way in; text goes in with textContent.
    files: ["daemon/mien_daemon/console/**/*.js", "extension/src/**/*.js", "extension/ui/**/*.js"],
    rules: {
      "no-restricted-properties": [
        "error",
        { property: "innerHTML" },
        { property: "outerHTML" },
        { property: "insertAdjacentHTML" },
      ],
    },
  },
  { files: ["daemon/mien_daemon/console/**/*.js"], languageOptions: { globals: globals.browser } },
  {
    files: ["extension/src/**/*.js", "extension/ui/**/*.js"],
    languageOptions: { globals: { ...globals.browser, chrome: "readonly" } },
  },
  {
    // Classic scripts that meet in the page's isolated world under names of their own.
    files: [CONTENT],
    languageOptions: {
      sourceType: "script",
      globals: Object.fromEntries(
        [
          "MienMark",
          "MienPlate",
          "MienFacePlate",
          "mienSay",
          "MienOverlay",
          "MienProgressOverlay",
          "MienReplacement",
          "MienSwap",
          "mienButton",
          "mienBytes",
          "mienRead",
          "mienCircles",
          "mienElement",
          "mienFinder",
          "mienFrame",
          "mienIcon",
          "mienIcons",
          "mienPage",
          "mienPick",
          "mienSource",
          "mienStyle",
        ].map((name) => [name, "readonly"]),
      ),
    },
  },
  { files: ["extension/build.mjs", "tests/**/*.mjs", "tests/**/*.js"], languageOptions: { globals: globals.node } },
];
