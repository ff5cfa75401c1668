/** Node's own classes, as they were when this was loaded: `fivefold/register` puts ours in their place. */
import nodeHttp from 'node:http'

export const NodeServer = nodeHttp.Server
export type NodeServer = nodeHttp.Server
export const NodeAgent = nodeHttp.Agent
export type NodeAgent = nodeHttp.Agent

/** Node's agent that everybody shares. */
export const sharedAgent: nodeHttp.Agent = nodeHttp.globalAgent
