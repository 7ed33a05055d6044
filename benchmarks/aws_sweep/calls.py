"""Name the list calls that every inventory of this benchmark is asked to make."""

from __future__ import annotations

from typing import Any

REGIONS = (
    "us-east-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-central-1",
    "ap-south-1", "ap-northeast-1",
)  # fmt: skip
HOME = "us-east-1"

REGIONAL: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("ec2", "DescribeInstances", "Reservations[].Instances[]", {}),
    ("ec2", "DescribeVolumes", "Volumes", {}),
    ("ec2", "DescribeSnapshots", "Snapshots", {"OwnerIds": ["self"]}),
    ("ec2", "DescribeSecurityGroups", "SecurityGroups", {}),
    ("ec2", "DescribeVpcs", "Vpcs", {}),
    ("ec2", "DescribeSubnets", "Subnets", {}),
    ("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", {}),
    ("ec2", "DescribeRouteTables", "RouteTables", {}),
    ("ec2", "DescribeInternetGateways", "InternetGateways", {}),
    ("ec2", "DescribeNatGateways", "NatGateways", {}),
    ("ec2", "DescribeImages", "Images", {"Owners": ["self"]}),
    ("ec2", "DescribeKeyPairs", "KeyPairs", {}),
    ("ec2", "DescribeAddresses", "Addresses", {}),
    ("lambda", "ListFunctions", "Functions", {}),
    ("rds", "DescribeDBInstances", "DBInstances", {}),
    ("rds", "DescribeDBSnapshots", "DBSnapshots", {}),
    ("dynamodb", "ListTables", "TableNames", {}),
    ("sqs", "ListQueues", "QueueUrls", {}),
    ("sns", "ListTopics", "Topics", {}),
    ("kms", "ListKeys", "Keys", {}),
    ("logs", "DescribeLogGroups", "logGroups", {}),
    ("elbv2", "DescribeLoadBalancers", "LoadBalancers", {}),
    ("secretsmanager", "ListSecrets", "SecretList", {}),
    ("ssm", "DescribeParameters", "Parameters", {}),
    ("ecr", "DescribeRepositories", "repositories", {}),
    ("cloudformation", "DescribeStacks", "Stacks", {}),
)
GLOBAL: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("s3", "ListBuckets", "Buckets", {}),
    (
        "iam",
        "GetAccountAuthorizationDetails",
        "[RoleDetailList, UserDetailList, GroupDetailList, Policies][][]",
        {"Filter": ["User", "Group", "Role", "LocalManagedPolicy"]},
    ),
)
BESIDES: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    (HOME, "sts", "GetCallerIdentity", "[@]", {}),
    (HOME, "ec2", "DescribeRegions", "Regions", {"AllRegions": True}),
    *(
        (region, "resourcegroupstaggingapi", "GetResources", "ResourceTagMappingList",
         {"ResourcesPerPage": 100})
        for region in REGIONS
    ),
)  # fmt: skip
"""What exitkit asks besides: who it is, which regions are there, and the tags of each."""
IAM_LISTS = ("ListRoles", "ListUsers", "ListPolicies", "ListGroups")
"""What peers ask IAM in place of the one call."""
CUSTODIAN = (
    "ec2", "ebs", "ebs-snapshot", "security-group", "vpc", "subnet", "eni", "route-table",
    "internet-gateway", "nat-gateway", "ami", "key-pair", "network-addr", "lambda", "rds",
    "rds-snapshot", "dynamodb-table", "sns", "kms-key", "log-group", "app-elb",
    "secrets-manager", "ssm-parameter", "ecr", "cfn", "iam-role", "iam-user", "iam-policy",
    "iam-group",
)  # fmt: skip
"""The same lists in Custodian's words, without buckets (ten calls each, in every region) and
queues (it asks the real AWS whatever endpoint is set)."""


def tasks() -> list[tuple[str, str, str, str, dict[str, Any]]]:
    """Return (region, service, operation, path of the items, arguments) of every call."""
    spread = [(region, *call) for call in REGIONAL for region in REGIONS]
    return [*((HOME, *call) for call in GLOBAL), *spread]
