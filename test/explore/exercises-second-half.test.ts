import { secondHalf, verifyEach } from './each-exercise.ts'

verifyEach(secondHalf)
