import { secondHalf, verifyEach } from './each-exercise.ts'

await verifyEach(secondHalf)
