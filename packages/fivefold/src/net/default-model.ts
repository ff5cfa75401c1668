/** What serves sockets and servers that name no model, of every face. */
import type { ModelName } from '../models/model.js'

let standard: ModelName | 'auto' = 'auto'

export function setDefaultModel(model: ModelName | 'auto'): void {
  standard = model
}

export const defaultModel = (): ModelName | 'auto' => standard
