"""The public API as protobuf messages and gRPC services, generated from `proto/stepraft/v1` by `make proto`.

Four pairs of modules: `workflows_pb2`, `executions_pb2`, `tasks_pb2` and `cluster_pb2` hold the messages, and the same
names with `_grpc` the services. The `.proto` files say what each field means. Nothing here is written by hand.
"""
