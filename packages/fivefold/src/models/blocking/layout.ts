/**
 * What a blocking driver and its threads share: the words of two SharedArrayBuffers, and who writes which.
 *
 * The board is the driver's. On it the threads announce that they have published something.
 * Each thread has a desk besides: the request, the answers, and the state of both sides.
 */

// ---- the board: Int32Array

/** 1: the driver sleeps, or is about to. Whoever turns it to 0 writes to the wake descriptor. */
export const ASLEEP = 0
/** How many announcements there have been. Free-running. */
export const TAIL = 1
/** 1: the Worker whose threads these are is being torn down. */
export const LEAVING = 2
/**
 * The ring of announcements: a thread's index + 1, or 0. A thread is in it once at most. Behind it lies, for
 * each thread, its kernel id while it lives.
 */
export const RING = 16

// ---- a desk: Int32Array

/** See the states below. */
export const STATE = 0
/** 1: the process ends. Leave, whatever is going on. */
export const QUIT = 1
/** 1: end the operation. */
export const CANCEL = 2
/** The thread's kernel id, from its start on. */
export const TID = 3
/** Answers published, by the thread; taken, by the driver. Free-running; an answer's slot is its number, masked. */
export const PUBLISHED = 4
export const TAKEN = 5
/** 1: the thread sleeps until TAKEN changes. */
export const WAITING = 6
/** 1: the thread is in the ring of announcements. */
export const ANNOUNCED = 7
// The request.
export const KIND = 8
export const FD = 9
/** Slots used for the answers, less 1: a power of two less 1. */
export const MASK = 10
/** receive, recvfrom: the room at each slot's memory. */
export const ROOM = 11
/** send; read and write of several buffers: the entries of the iovec. connect, sendto: the bytes of the address. */
export const COUNT = 12
/** 1: somebody wants to know when each call returned. */
export const STAMPED = 13
/** open: its flags and mode. The path lies where other requests have their iovec. */
export const FLAGS = 14
export const MODE = 15

/** The thread waits for a request. */
export const IDLE = 0
/** There is one. Until the thread takes it the driver may take it back. */
export const REQUESTED = 1
/** The thread is at it. */
export const RUNNING = 2
/** The thread must end; it has left its last call. */
export const QUITTING = 3
export const GONE = 4

// ---- a desk: Float64Array (an address, a length or a position fits a double)

export const MEMORY = 8
export const LENGTH = 9
export const POSITION = 10
/** A system call's number, then its arguments: between the slots and the addresses. */
export const CALL = 640 / 8

// ---- slots: what each answer says

export const SLOTS = 8
const SLOT_BYTES = 64
const SLOTS_AT = 128
/** Int32: what the call returned; 1 with the last answer; the length of the sender's address. */
export const SLOT_WORDS = SLOTS_AT / 4
export const WORDS_PER_SLOT = SLOT_BYTES / 4
export const RESULT = 0
export const LAST = 1
export const FROM_LENGTH = 2
/** Float64: the bytes sent; where to receive (by the driver); when the call returned. */
export const SLOT_DOUBLES = SLOTS_AT / 8
export const DOUBLES_PER_SLOT = SLOT_BYTES / 8
export const BYTES = 2
export const LANDING = 3
export const RETURNED = 4

// ---- what the kernel reads and writes

/** The request's address, then a sender's address for each slot: 128 bytes each. */
export const ADDRESS_AT = 1024
export const FROM_AT = ADDRESS_AT + 128
export const MSGHDR_AT = FROM_AT + SLOTS * 128
export const MSGHDR_BYTES = 56
/** The value-result length of recvfrom: one word. */
export const FROM_LENGTH_AT = MSGHDR_AT + 64
/** As many buffers as sendmsg takes at once (IOV_MAX). */
export const IOV_AT = 4096
export const MOST_IOV = 1024
export const DESK_BYTES = IOV_AT + MOST_IOV * 16

/** What a thread is born with. */
export interface ThreadData {
  readonly board: SharedArrayBuffer
  readonly desk: SharedArrayBuffer
  readonly index: number
  readonly ringMask: number
  /** What to write to when the driver sleeps, and whether it is a socket or an eventfd. */
  readonly wakeFd: number
  readonly wakeBySend: boolean
  /** The signal that interrupts it. */
  readonly signal: number
  /** The driver is in a Worker. */
  readonly nested: boolean
}
