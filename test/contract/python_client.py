"""A client of the wire contract in another language, made from the table of messages alone: no .proto file is read.

Usage: python_client.py HOST:PORT. Prints what it was answered as JSON.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STRING, INT32, MESSAGE = 9, 5, 11
ONE, MANY = 1, 3

MESSAGES = {
    "Empty": [],
    "CreatePollRequest": [("poll_questions", 1, STRING, ONE), ("options", 2, STRING, MANY)],
    "PollRequest": [("uuid", 1, STRING, ONE)],
    "PollResponse": [
        ("uuid", 1, STRING, ONE),
        ("poll_questions", 2, STRING, ONE),
        ("options", 3, STRING, MANY),
        ("status", 4, STRING, ONE),
        ("create_at_time", 5, STRING, ONE),
    ],
    "ListPollsResponse": [("polls", 1, ".polling.PollResponse", MANY)],
    "CastVoteRequest": [
        ("uuid", 1, STRING, ONE),
        ("userID", 2, STRING, ONE),
        ("select_options", 3, STRING, ONE),
    ],
    "VoteResponse": [("status", 1, STRING, ONE)],
    "PollResultResponse": [("uuid", 1, STRING, ONE), ("poll_questions", 2, STRING, ONE)],
}


def build():
    file = descriptor_pb2.FileDescriptorProto(name="table.proto", package="polling", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label in fields:
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = MESSAGE, kind
            else:
                added.type = kind
    # map<string,int32> results = 3 is a repeated entry on the wire.
    result = next(m for m in file.message_type if m.name == "PollResultResponse")
    entry = result.nested_type.add(name="ResultsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=ONE, type=STRING)
    entry.field.add(name="value", number=2, label=ONE, type=INT32)
    result.field.add(
        name="results", number=3, label=MANY, type=MESSAGE, type_name=".polling.PollResultResponse.ResultsEntry"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName("polling." + name)) for name in MESSAGES}


def main(address):
    types = build()
    channel = grpc.insecure_channel(address)

    def call(method, request, response):
        stub = channel.unary_unary(
            "/polling." + method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=types[response].FromString,
        )
        return stub(request, timeout=20)

    poll = call(
        "PollService/CreatePoll",
        types["CreatePollRequest"](poll_questions="From Python?", options=["yes", "no"]),
        "PollResponse",
    )

    def vote(user, option):
        request = types["CastVoteRequest"](uuid=poll.uuid, userID=user, select_options=option)
        return call("VoteService/CastVote", request, "VoteResponse").status

    votes = [vote("ann", "yes"), vote("bob", "no"), vote("cid", "yes"), vote("ann", "no"), vote("dan", "maybe")]
    closed = call("PollService/ClosePoll", types["PollRequest"](uuid=poll.uuid), "PollResponse")
    late = vote("eve", "yes")
    results = call("ResultService/GetPollResults", types["PollRequest"](uuid=poll.uuid), "PollResultResponse")
    listed = call("PollService/ListPolls", types["Empty"](), "ListPollsResponse")
    try:
        call("ResultService/GetPollResults", types["PollRequest"](uuid="nonsense"), "PollResultResponse")
        refused = "not refused"
    except grpc.RpcError as error:
        refused = error.code().name
    print(
        json.dumps(
            {
                "status": poll.status,
                "options": list(poll.options),
                "votes": votes,
                "closed": closed.status,
                "late": late,
                "results": dict(results.results),
                "listed": any(it.uuid == poll.uuid for it in listed.polls),
                "refused": refused,
            }
        )
    )


main(sys.argv[1])
