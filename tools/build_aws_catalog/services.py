"""Tell which botocore services stand behind a CloudFormation service name or an IAM prefix."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

from tools.build_aws_catalog.nouns import plain
from tools.build_aws_catalog.sources import Sources

BY_CLOUDFORMATION_NAME = {
    "ACMPCA": ["acm-pca"], "AIOps": ["aiops"], "APS": ["amp"], "AmazonMQ": ["mq"],
    "ApiGateway": ["apigateway"], "ApiGatewayV2": ["apigatewayv2"], "AppStream": ["appstream"],
    "ApplicationAutoScaling": ["application-autoscaling"], "Backup": ["backup"],
    "Bedrock": ["bedrock-agent", "bedrock"], "BedrockAgentCore": ["bedrock-agentcore-control"],
    "BedrockMantle": ["bedrock"], "Budgets": ["budgets"], "CE": ["ce"],
    "Cassandra": ["keyspaces"], "CertificateManager": ["acm"],
    "Cognito": ["cognito-idp", "cognito-identity"], "CustomerProfiles": ["customer-profiles"],
    "DMS": ["dms"], "DataPipeline": ["datapipeline"], "DevOpsAgent": ["devops-agent"],
    "DirectoryService": ["ds"], "DocDB": ["docdb"], "ECR": ["ecr", "ecr-public"], "EFS": ["efs"],
    "EMR": ["emr"], "ElasticLoadBalancing": ["elb"], "ElasticLoadBalancingV2": ["elbv2"],
    "Elasticsearch": ["es"], "EventSchemas": ["schemas"], "Events": ["events"],
    "GameLift": ["gamelift"], "IdentityStore": ["identitystore"], "InspectorV2": ["inspector2"],
    "IoT": ["iot"], "IoTWireless": ["iotwireless"],
    "KinesisAnalyticsV2": ["kinesisanalyticsv2"], "KinesisFirehose": ["firehose"],
    "Lex": ["lexv2-models"], "Location": ["location"], "Logs": ["logs"], "MSK": ["kafka"],
    "ManagedBlockchain": ["managedblockchain"], "Neptune": ["neptune"],
    "NeptuneGraph": ["neptune-graph"], "OpenSearchService": ["opensearch"],
    "PCAConnectorAD": ["pca-connector-ad"], "QuickSight": ["quicksight"], "RAM": ["ram"],
    "ResourceGroups": ["resource-groups"],
    "Route53RecoveryControl": ["route53-recovery-control-config"], "S3": ["s3", "s3control"],
    "S3Express": ["s3"], "SDB": ["sdb"], "SES": ["sesv2", "ses"],
    "SMSVOICE": ["pinpoint-sms-voice-v2"], "SSO": ["sso-admin"], "SageMaker": ["sagemaker"],
    "SecretsManager": ["secretsmanager"],
    "ServiceCatalogAppRegistry": ["servicecatalog-appregistry"],
    "StepFunctions": ["stepfunctions"], "Synthetics": ["synthetics"], "WAFv2": ["wafv2"],
    "Wisdom": ["qconnect", "wisdom"], "XRay": ["xray"],
}  # fmt: skip
"""Where the CloudFormation name is not the botocore name; the first is preferred."""

BY_IAM_PREFIX = {
    "access-analyzer": ["accessanalyzer"], "airflow": ["mwaa"], "aoss": ["opensearchserverless"],
    "apigateway": ["apigateway", "apigatewayv2"], "app-integrations": ["appintegrations"],
    "aps": ["amp"], "deepracer": [], "elasticfilesystem": ["efs"],
    "elasticloadbalancing": ["elbv2", "elb"], "elasticmapreduce": ["emr"],
    "es": ["opensearch", "es"], "geo": ["location"], "kafka": ["kafka"],
    "kinesisanalytics": ["kinesisanalyticsv2", "kinesisanalytics"],
    "lex": ["lexv2-models", "lex-models"], "mobiletargeting": ["pinpoint"],
    "profile": ["customer-profiles"], "s3express": ["s3"], "ses": ["sesv2", "ses"],
    "sms-voice": ["pinpoint-sms-voice-v2"], "sso": ["sso-admin"], "states": ["stepfunctions"],
    "tag": ["resourcegroupstaggingapi"], "wisdom": ["wisdom", "qconnect"],
}  # fmt: skip
"""Where the IAM prefix is not what botocore signs with; the first is preferred."""

HOME_BY_HAND = {
    "globalaccelerator": "us-west-2",
    "route53domains": "us-east-1",
    "support": "us-east-1",
}
"""Global services that botocore's endpoint data gives one ordinary region."""


class Services:
    """Finds the services behind a name, and describes each for the collector."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._by_prefix: dict[str, list[str]] = defaultdict(list)
        for name, model in sources.models.items():
            meta = model.metadata
            prefixes = {meta.get("signingName"), meta.get("endpointPrefix"), name}
            for prefix in sorted(plain_prefix for plain_prefix in prefixes if plain_prefix):
                self._by_prefix[prefix.lower()].append(name)
        for prefix, preferred in BY_IAM_PREFIX.items():
            rest = [name for name in self._by_prefix[prefix] if name not in preferred]
            self._by_prefix[prefix] = preferred + rest

    def behind_prefix(self, prefix: str) -> list[str]:
        """Return the services whose calls an IAM prefix allows."""
        return self._by_prefix.get(prefix.lower(), [])

    @cache  # noqa: B019 - one instance lives as long as the program
    def behind_type(self, native_type: str) -> list[str]:
        """Return the services that serve a CloudFormation type."""
        name = native_type.split("::")[1]
        if name in BY_CLOUDFORMATION_NAME:
            return BY_CLOUDFORMATION_NAME[name]
        return [
            service
            for service, model in self._sources.models.items()
            if plain(name) in (plain(service), plain(model.metadata.get("serviceId") or ""))
        ]

    def iam_prefix(self, service: str) -> str:
        """Return the prefix of a service's IAM actions."""
        meta = self._sources.models[service].metadata
        by_hand = [prefix for prefix, names in BY_IAM_PREFIX.items() if service in names]
        candidates = [meta.get("signingName"), meta.get("endpointPrefix"), service, *by_hand]
        known = (name for name in candidates if name and name in self._sources.policies)
        return next(known, candidates[-1])

    def describe(self, service: str) -> dict[str, Any]:
        """Return what the collector has to know of a service."""
        endpoint = self._sources.models[service].metadata["endpointPrefix"]
        row: dict[str, Any] = {"endpoint": endpoint, "iam": self.iam_prefix(service)}
        if home := self._home(endpoint):
            row["home"] = home
        return row

    def _home(self, endpoint: str) -> dict[str, str]:
        """Return the region that answers for all, by partition, where there is only one."""
        if endpoint in HOME_BY_HAND:
            return {"aws": HOME_BY_HAND[endpoint]}
        home = {}
        for partition in self._sources.endpoints["partitions"]:
            row = partition["services"].get(endpoint, {})
            if row.get("isRegionalized", True) or "partitionEndpoint" not in row:
                continue
            only = row["endpoints"][row["partitionEndpoint"]]
            if "credentialScope" in only:
                home[partition["partition"]] = only["credentialScope"]["region"]
        return home
