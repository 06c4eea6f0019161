/**
 * A text that names commands, each as this user types them: `zx scripts/….ts`, or `npm run -s …`, which also works where zx
 * is not in the path. npm takes options after two dashes.
 */
export const asTyped = (text: string, environment: NodeJS.ProcessEnv = process.env): string =>
  environment['npm_lifecycle_script']?.startsWith('zx scripts/') === true
    ? text
        .replace(/\bzx scripts\/([\w-]+)\.ts((?: (?!-)[^\s,;:()]+)?) (?=--\w)/g, 'npm run -s $1$2 -- ')
        .replace(/\bzx scripts\/([\w-]+)\.ts/g, 'npm run -s $1')
    : text
