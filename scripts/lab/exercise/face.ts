// All that exercises may know of the lab: a test holds their imports against it.
export type { Experiment } from '../experiment/record.ts'
export { median } from '../numbers.ts'
export { defineExercise, type Finding, type Step, type Tempting, type Way } from './exercise.ts'
export * from './findings.ts'
export type { Stage, Votes } from './stage.ts'
