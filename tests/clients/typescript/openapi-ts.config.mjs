// Node.js resolves no imports without an extension.
export default { output: { path: 'client', importFileExtension: '.js' } };
