export {};
//# sourceMappingURL=unprojected-usage.js.map