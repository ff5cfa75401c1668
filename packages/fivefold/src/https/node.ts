/** Node's own classes, as they were when this was loaded: `fivefold/register` puts ours in their place. */
import nodeHttps from 'node:https'

export const NodeServer = nodeHttps.Server
export type NodeServer = nodeHttps.Server
export const NodeAgent = nodeHttps.Agent
export type NodeAgent = nodeHttps.Agent

/** Node's agent that everybody shares. */
export const sharedAgent: nodeHttps.Agent = nodeHttps.globalAgent
