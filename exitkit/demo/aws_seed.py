"""Fill the demo's AWS account with a small estate, and say exactly what has to be found in it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from exitkit.demo.aws_account import AwsAccount, enforce
from exitkit.knowledge.aws_catalog import load_catalog
from exitkit.knowledge.aws_policy import actions_for, policy_documents

ACCOUNT_ID = "123456789012"
HOME, SECOND = "eu-west-1", "eu-central-1"
REGIONS = (HOME, SECOND)
COLLECTOR = "exitkit-collector"
REFUSED = "rds:DescribeDBSnapshots"
"""The one operation the collector is denied on purpose."""

CANARY = "canary-7f3a9c: if you read this in the new place, it came along"

SERVICES = (
    "ec2:DescribeAddresses", "ec2:DescribeDhcpOptions", "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeKeyPairs",
    "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots",
    "ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs",
    "s3:GetBucket*", "s3:GetPublicAccessBlock", "s3:ListBuckets",
    "iam:GetAccessKeyLastUsed", "iam:GetAccountAuthorizationDetails", "iam:GetUser",
    "iam:ListAccessKeys", "iam:ListSAMLProviders",
    "iam:ListServerCertificates", "iam:ListVirtualMFADevices",
    "dynamodb:DescribeTable", "dynamodb:ListBackups", "dynamodb:ListTables",
    "lambda:ListEventSourceMappings", "lambda:ListFunctions", "lambda:ListLayers",
    "secretsmanager:ListSecrets",
    "ssm:DescribeMaintenanceWindows", "ssm:DescribeParameters", "ssm:ListDocuments",
    "kms:DescribeKey", "kms:List*",
    "rds:DescribeDBClusters", "rds:DescribeDBInstances", "rds:DescribeDBParameterGroups",
    "rds:DescribeDBSnapshots", "rds:DescribeDBSubnetGroups", "rds:DescribeEventSubscriptions",
    "sns:*Subscription*", "sns:*Topic*", "sqs:*",
    "route53:ListHealthChecks", "route53:ListHostedZones", "route53:ListResourceRecordSets",
    "ecr:DescribeRepositories", "ecr:GetRepositoryPolicy",
    "logs:DescribeDestinations", "logs:DescribeLogGroups", "logs:DescribeMetricFilters",
    "logs:DescribeResourcePolicies", "logs:DescribeSubscriptionFilters",
    "acm:DescribeCertificate", "acm:ListCertificates",
)  # fmt: skip
"""What the emulator has of the services of this estate: the demo's `services:`."""

Expected = tuple[str, str, str]
"""(native type, native id, region; empty where global)."""


@dataclass(slots=True)
class Estate:
    """What the seeder put there: what must be found, what must never be seen, who may look."""

    expected: list[Expected] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    collector: dict[str, str] = field(default_factory=dict)
    refused: str = REFUSED
    canary: str = CANARY

    def add(self, native_type: str, native_id: str, region: str = "") -> None:
        """Expect one more thing."""
        self.expected.append((f"AWS::{native_type}", native_id, region))


@dataclass(slots=True)
class _Admin:
    """Clients of the seeder: one per service and region."""

    account: AwsAccount
    made: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __call__(self, service: str, region: str = HOME) -> Any:
        if (service, region) not in self.made:
            self.made[service, region] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self.account.endpoint_url,
                aws_access_key_id=self.account.admin["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.account.admin["AWS_SECRET_ACCESS_KEY"],
                config=Config(s3={"addressing_style": "path"}, parameter_validation=False),
            )
        return self.made[service, region]


def seed(account: AwsAccount, *, objects: int = 40) -> Estate:
    """Build the estate, then turn IAM enforcement on.

    `objects` is the number of objects in the document bucket: the volume the extrapolation grows
    with.
    """
    aws, estate = _Admin(account), Estate()
    estate.secrets = {
        "user data": "Pl4nted-in-user-data-93b1",
        "function environment": "Pl4nted-in-environment-77aa",
        "secret value": "Pl4nted-in-secretsmanager-5e02",
        "secure parameter": "Pl4nted-in-parameter-c41d",
        "database password": "Pl4nted-in-rds-20f8",
    }
    _network(aws, estate)
    _machines(aws, estate)
    _buckets(aws, estate, objects)
    _tables_and_messages(aws, estate)
    role = _identities(aws, estate)
    _applications(aws, estate, role)
    _names_and_keys(aws, estate)
    for region in REGIONS:
        estate.expected.extend(_there_by_itself(aws, region, estate))
    estate.expected.sort()
    enforce(account)
    return estate


def _network(aws: _Admin, estate: Estate) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "crm"}])
    for number, zone in ((1, "a"), (2, "b")):
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"{HOME}{zone}"
        )
    group = ec2.create_security_group(GroupName="crm-web", Description="crm", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
             "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ],
    )  # fmt: skip
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_key_pair(KeyName="crm-operators")
    estate.add("EC2::KeyPair", "crm-operators", HOME)


def _machines(aws: _Admin, estate: Estate) -> None:
    ec2 = aws("ec2")
    subnet = next(
        row for row in ec2.describe_subnets()["Subnets"] if row["CidrBlock"] == "10.20.1.0/24"
    )["SubnetId"]
    script = f"#!/bin/sh\nexport DB_PASSWORD={estate.secrets['user data']}\nexec /opt/crm/start\n"
    instance = ec2.run_instances(
        ImageId="ami-0c0ffee0c0ffee000", MinCount=1, MaxCount=1, InstanceType="t3.micro",
        SubnetId=subnet, UserData=script,
    )["Instances"][0]["InstanceId"]  # fmt: skip
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "Name", "Value": "crm-1"}])
    aws("rds").create_db_instance(
        DBInstanceIdentifier="crm-db", Engine="postgres", DBInstanceClass="db.t3.micro",
        AllocatedStorage=20, MasterUsername="crm",
        MasterUserPassword=estate.secrets["database password"],
    )  # fmt: skip
    estate.add("RDS::DBInstance", "crm-db", HOME)


def _buckets(aws: _Admin, estate: Estate, objects: int) -> None:
    for name, region in (
        ("crm-documents", HOME), ("crm-backups", HOME), ("crm-archive", SECOND)
    ):  # fmt: skip
        aws("s3", region).create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": region}
        )
        estate.add("S3::Bucket", name, region)
    s3 = aws("s3")
    s3.put_bucket_versioning(Bucket="crm-documents", VersioningConfiguration={"Status": "Enabled"})
    tags = {"TagSet": [{"Key": "application", "Value": "crm"}]}
    s3.put_bucket_tagging(Bucket="crm-documents", Tagging=tags)
    for key, body in _documents(estate, objects):
        s3.put_object(Bucket="crm-documents", Key=key, Body=body, Metadata={"origin": "crm"})
    s3.put_object(Bucket="crm-backups", Key="2026/crm.dump", Body=bytes(range(256)) * 64)
    aws("s3", SECOND).put_object(Bucket="crm-archive", Key="README", Body=b"Nothing after 2019.\n")


def _documents(estate: Estate, objects: int) -> Iterator[tuple[str, bytes]]:
    yield "canary/read-me.txt", f"{estate.canary}\n".encode()
    yield "Verträge/Müller & Söhne.txt", "Kündigungsfrist: drei Monate\n".encode()
    yield "empty", b""
    for number in range(max(0, objects - 3)):
        yield f"invoices/2026/{number:05d}.txt", f"Invoice {number}\n".encode() * 20


def _tables_and_messages(aws: _Admin, estate: Estate) -> None:
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName="crm-customers",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    rows: list[dict[str, Any]] = [
        {"id": {"S": f"customer-{number:03d}"}, "name": {"S": "Müller"}, "visits": {"N": "3"}}
        for number in range(24)
    ]
    rows.append({"id": {"S": "canary"}, "note": {"S": estate.canary}})
    puts = [{"PutRequest": {"Item": row}} for row in rows]
    dynamodb.batch_write_item(RequestItems={"crm-customers": puts})
    estate.add("DynamoDB::Table", "crm-customers", HOME)
    topic = aws("sns").create_topic(Name="crm-events")["TopicArn"]
    estate.add("SNS::Topic", topic, HOME)
    queue = aws("sqs").create_queue(QueueName="crm-work")["QueueUrl"]
    estate.add("SQS::Queue", queue, HOME)
    arn = f"arn:aws:sqs:{HOME}:{ACCOUNT_ID}:crm-work"
    subscription = aws("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )
    estate.add("SNS::Subscription", subscription["SubscriptionArn"], HOME)
    late = aws("sqs", SECOND).create_queue(QueueName="crm-late")["QueueUrl"]
    estate.add("SQS::Queue", late, SECOND)


def _identities(aws: _Admin, estate: Estate) -> str:
    iam = aws("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    }  # fmt: skip
    role = iam.create_role(RoleName="crm-worker", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="crm-worker", PolicyName="documents",
        PolicyDocument=_policy("Allow", ["s3:GetObject"], "arn:aws:s3:::crm-documents/*"),
    )  # fmt: skip
    estate.add("IAM::Role", "crm-worker")
    iam.create_group(GroupName="operators")
    iam.put_group_policy(
        GroupName="operators", PolicyName="operate",
        PolicyDocument=_policy("Allow", ["ec2:StartInstances", "ec2:StopInstances"], "*"),
    )  # fmt: skip
    estate.add("IAM::Group", "operators")
    iam.create_user(UserName="operator-1")
    iam.add_user_to_group(UserName="operator-1", GroupName="operators")
    estate.add("IAM::User", "operator-1")
    _collector(iam, estate)
    return str(role["Role"]["Arn"])


def _collector(iam: Any, estate: Estate) -> None:
    """Make the read-only user: exactly the generated policy, and one denial on purpose."""
    iam.create_user(UserName=COLLECTOR)
    estate.add("IAM::User", COLLECTOR)
    documents = policy_documents(actions_for(load_catalog(), SERVICES))
    for number, document in enumerate(documents, 1):
        policy = iam.create_policy(
            PolicyName=f"exitkit-read-{number}", PolicyDocument=json.dumps(document)
        )["Policy"]["Arn"]
        iam.attach_user_policy(UserName=COLLECTOR, PolicyArn=policy)
        estate.add("IAM::ManagedPolicy", policy)
    iam.put_user_policy(
        UserName=COLLECTOR, PolicyName="planted-refusal",
        PolicyDocument=_policy("Deny", [REFUSED], "*"),
    )  # fmt: skip
    key = iam.create_access_key(UserName=COLLECTOR)["AccessKey"]
    estate.add("IAM::AccessKey", f"{COLLECTOR}|{key['AccessKeyId']}")
    estate.collector = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    estate.secrets["collector's own key"] = key["SecretAccessKey"]


def _policy(effect: str, actions: list[str], resource: str) -> str:
    statement = {"Effect": effect, "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _applications(aws: _Admin, estate: Estate, role: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context):\n    return event\n")
    aws("lambda").create_function(
        FunctionName="crm-worker", Runtime="python3.11", Role=role, Handler="handler.handle",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"DB_PASSWORD": estate.secrets["function environment"]}},
    )  # fmt: skip
    estate.add("Lambda::Function", "crm-worker", HOME)
    aws("logs").create_log_group(logGroupName="/aws/lambda/crm-worker")
    estate.add("Logs::LogGroup", "/aws/lambda/crm-worker", HOME)
    aws("ecr").create_repository(repositoryName="crm/worker")
    estate.add("ECR::Repository", "crm/worker", HOME)
    ssm = aws("ssm")
    ssm.put_parameter(Name="/crm/log-level", Type="String", Value="info")
    ssm.put_parameter(
        Name="/crm/token", Type="SecureString", Value=estate.secrets["secure parameter"]
    )
    for name in ("/crm/log-level", "/crm/token"):
        estate.add("SSM::Parameter", name, HOME)


def _names_and_keys(aws: _Admin, estate: Estate) -> None:
    kms = aws("kms")
    key = kms.create_key(Description="crm data")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/crm", TargetKeyId=key)
    estate.add("KMS::Key", key, HOME)
    estate.add("KMS::Alias", "alias/crm", HOME)
    secret = aws("secretsmanager").create_secret(
        Name="crm/database", SecretString=estate.secrets["secret value"]
    )
    estate.add("SecretsManager::Secret", secret["ARN"], HOME)
    certificate = aws("acm").request_certificate(DomainName="crm.example.org")["CertificateArn"]
    estate.add("CertificateManager::Certificate", certificate, HOME)
    route53 = aws("route53")
    zone = route53.create_hosted_zone(Name="crm.example.org", CallerReference="demo")
    zone_id = zone["HostedZone"]["Id"].removeprefix("/hostedzone/")
    estate.add("Route53::HostedZone", zone_id)
    record = {
        "Name": "www.crm.example.org", "Type": "A", "TTL": 300,
        "ResourceRecords": [{"Value": "192.0.2.10"}],
    }  # fmt: skip
    route53.change_resource_record_sets(
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]},
    )
    estate.add("Route53::RecordSet", f"{zone_id}|www.crm.example.org.|A")


def _there_by_itself(aws: _Admin, region: str, estate: Estate) -> Iterator[Expected]:
    """Yield what a region holds of networks and machines, made by us or by the provider.

    A default network costs nothing and still is the customer's: it has to be found.
    """
    ec2 = aws("ec2", region)
    for call, member, native_type, identifier in (
        ("describe_vpcs", "Vpcs", "VPC", "VpcId"),
        ("describe_subnets", "Subnets", "Subnet", "SubnetId"),
        ("describe_security_groups", "SecurityGroups", "SecurityGroup", "GroupId"),
        ("describe_network_acls", "NetworkAcls", "NetworkAcl", "NetworkAclId"),
        ("describe_route_tables", "RouteTables", "RouteTable", "RouteTableId"),
        ("describe_dhcp_options", "DhcpOptions", "DHCPOptions", "DhcpOptionsId"),
        ("describe_internet_gateways", "InternetGateways", "InternetGateway", "InternetGatewayId"),
        (
            "describe_network_interfaces", "NetworkInterfaces", "NetworkInterface",
            "NetworkInterfaceId",
        ),
        ("describe_volumes", "Volumes", "Volume", "VolumeId"),
    ):  # fmt: skip
        for row in getattr(ec2, call)()[member]:
            yield f"AWS::EC2::{native_type}", row[identifier], region
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            yield "AWS::EC2::Instance", instance["InstanceId"], region
