export {};
//# sourceMappingURL=usage-rejections.js.map