"""GenerativeModels of the real SDK that send to loopback; its modules load when one is made."""

from __future__ import annotations

ASK = [{"role": "user", "content": "Go."}]
WARNINGS = [  # the SDK warns of its removal when a model is made; proto-plus and grpc warn of their own past
    "ignore:This feature is deprecated as of June 24, 2025:UserWarning",
    "ignore::DeprecationWarning:google.*",
]


def make_model(base_url, **options):
    import vertexai
    from google.auth.credentials import AnonymousCredentials
    from vertexai.generative_models import GenerativeModel

    vertexai.init(
        project="p",
        location="us-central1",
        api_endpoint=base_url,
        api_transport="rest",
        credentials=AnonymousCredentials(),
    )
    return GenerativeModel("gemini-x", **options)


def grpc_client(target):
    import grpc
    from google.cloud.aiplatform_v1 import PredictionServiceClient
    from google.cloud.aiplatform_v1.services.prediction_service.transports import PredictionServiceGrpcTransport

    return PredictionServiceClient(transport=PredictionServiceGrpcTransport(channel=grpc.insecure_channel(target)))


def async_grpc_client(target):
    import grpc
    from google.cloud.aiplatform_v1 import PredictionServiceAsyncClient
    from google.cloud.aiplatform_v1.services.prediction_service.transports import PredictionServiceGrpcAsyncIOTransport

    channel = grpc.aio.insecure_channel(target)
    return PredictionServiceAsyncClient(transport=PredictionServiceGrpcAsyncIOTransport(channel=channel))
