// All that exercises may know of the lab: a test holds their imports against it.
export { defineExercise, type Finding, type Step, type Tempting } from './exercise.ts'
export * from './findings.ts'
export type { Stage, Votes } from './stage.ts'
