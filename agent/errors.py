"""What can go wrong with a conversation, as a branch of the tree of connectors.

AgentError
├── ConversationNotFound        NOT_FOUND
├── TurnNotFound                NOT_FOUND
├── CallNotFound                NOT_FOUND
├── TurnRunning                 TURN_RUNNING, one at a time
├── NothingToRetry              NOTHING_TO_RETRY
├── ApprovalClosed              APPROVAL_CLOSED, decided, superseded or expired
├── InputClosed                 INPUT_CLOSED
├── LostTurn                    another process has the turn, or a person stopped it
└── ModelFailure                the language model failed; the person can retry
    ├── ModelUnavailable        MODEL_UNAVAILABLE: down, 5xx, too slow, broken off
    ├── ModelKeyRejected        MODEL_KEY_REJECTED: 401 or 403
    ├── ModelBusy               MODEL_BUSY: 429
    ├── ModelRefused            MODEL_REFUSED: 4xx, the request does not suit it
    ├── ModelNonsense           MODEL_NONSENSE: an answer that cannot be read
    └── TurnLimit               TURN_LIMIT: requests, calls or tokens of one turn

`message` is safe to show: neither the key nor text that the model's server sent.
"""

from connectors.errors import ConnectorError


class AgentError(ConnectorError):
    """Root of what is anticipated in the room of the agent."""


class ConversationNotFound(AgentError):
    code = "NOT_FOUND"
    message = "There is no such conversation."


class TurnNotFound(AgentError):
    code = "NOT_FOUND"
    message = "There is no such answer."


class CallNotFound(AgentError):
    code = "NOT_FOUND"
    message = "There is no such call."


class TurnRunning(AgentError):
    code = "TURN_RUNNING"
    message = "An answer is being written. Wait for its end, or stop it."


class NothingToRetry(AgentError):
    code = "NOTHING_TO_RETRY"
    message = "This answer did not fail, so there is nothing to try again."


class ApprovalClosed(AgentError):
    code = "APPROVAL_CLOSED"
    message = "This question was answered already, or is not open any more."


class InputClosed(AgentError):
    code = "INPUT_CLOSED"
    message = "This form was sent already, or is not open any more."


class LostTurn(AgentError):
    """The turn is not this process's any more: stopped, or taken for dead."""

    code = "TURN_LOST"
    message = "This answer was stopped."


class ModelFailure(AgentError):
    """The language model failed. What was asked is kept, and can be tried again."""

    code = "MODEL_UNAVAILABLE"
    message = "The language model failed. Try again."


class ModelUnavailable(ModelFailure):
    message = "The language model cannot be reached, or broke off. Try again."


class ModelKeyRejected(ModelFailure):
    code = "MODEL_KEY_REJECTED"
    message = (
        "The language model refused this installation's key. "
        "Tell whoever runs it to check LLM_API_KEY."
    )


class ModelBusy(ModelFailure):
    code = "MODEL_BUSY"
    message = "The language model is asked too much at the moment. Try again soon."


class ModelRefused(ModelFailure):
    code = "MODEL_REFUSED"
    message = (
        "The language model refused the request. Start a new conversation, or "
        "tell whoever runs this installation."
    )


class ModelNonsense(ModelFailure):
    code = "MODEL_NONSENSE"
    message = "The language model sent an answer that cannot be read. Try again."


class TurnLimit(ModelFailure):
    code = "TURN_LIMIT"
    message = "This answer reached a limit of this installation, so it ends here."
