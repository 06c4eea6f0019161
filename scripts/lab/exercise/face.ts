// Everything of the lab that exercises may use: a test checks their imports.
export type { Experiment } from '../experiment/record.ts'
export { median } from '../numbers.ts'
export { defineExercise, type Finding, type Step, type Tempting, type Way } from './exercise.ts'
export * from './findings.ts'
export type { Stage, Votes } from './stage.ts'
