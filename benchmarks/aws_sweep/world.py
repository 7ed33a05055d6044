"""Fill an emulated account once, so that its answers can be recorded: world.py PORT SCALE."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import zipfile
from typing import Any

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    MOTO_EC2_LOAD_DEFAULT_AMIS="false",
)

import boto3
from calls import HOME, REGIONS
from moto import mock_aws
from moto.server import ThreadedMotoServer

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
)
TEMPLATE = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}})
INSTANCE_TYPES = ("t3.medium", "m5.large", "c6i.xlarge")


def tags(number: int) -> list[dict[str, str]]:
    """Return four tags as a real estate has them."""
    return [
        {"Key": "Name", "Value": f"res-{number}"},
        {"Key": "env", "Value": ("prod", "dev", "test")[number % 3]},
        {"Key": "owner", "Value": f"team-{number % 40}"},
        {"Key": "cost-center", "Value": f"cc-{number % 17}"},
    ]


def seed(scale: float) -> None:
    """Make about 40,000 resources times `scale`, spread over all regions."""
    role = seed_global(scale)
    for region in REGIONS:

        def count(total: int) -> int:
            return max(1, int(total * scale / len(REGIONS)))

        seed_compute(region, count)
        seed_services(region, role, count)
        print("seeded", region, flush=True)


def seed_global(scale: float) -> str:
    """Make roles, users, policies and buckets; return the ARN of a role."""
    iam = boto3.client("iam")
    role = ""
    for number in range(int(3000 * scale)):
        made = iam.create_role(
            RoleName=f"role-{number:05d}", AssumeRolePolicyDocument=TRUST, Tags=tags(number)
        )
        role = made["Role"]["Arn"]
    for number in range(int(300 * scale)):
        iam.create_user(UserName=f"user-{number:04d}", Tags=tags(number))
        iam.create_policy(PolicyName=f"pol-{number:04d}", PolicyDocument=POLICY)
    buckets = {region: boto3.client("s3", region_name=region) for region in REGIONS}
    for number in range(int(2000 * scale)):
        region = REGIONS[number % len(REGIONS)]
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        buckets[region].create_bucket(
            Bucket=f"bucket-{number:05d}", **({} if region == HOME else place)
        )
    return role


def seed_compute(region: str, count: Any) -> None:
    """Make instances, volumes, snapshots and security groups."""
    ec2 = boto3.client("ec2", region_name=region)
    image = ec2.register_image(Name="base", RootDeviceName="/dev/xvda", Architecture="x86_64")[
        "ImageId"
    ]
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    left, batch = count(5000), 0
    while left > 0:
        size = min(10, left)
        left, batch = left - size, batch + 1
        ec2.run_instances(
            ImageId=image, MinCount=size, MaxCount=size, SubnetId=subnets[batch % len(subnets)],
            InstanceType=INSTANCE_TYPES[batch % 3],
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags(batch)}],
        )  # fmt: skip
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ""
    for number in range(count(1000)):
        marks = [{"ResourceType": "volume", "Tags": tags(number)}]
        volume = ec2.create_volume(Size=20, AvailabilityZone=zone, TagSpecifications=marks)[
            "VolumeId"
        ]
    for number in range(count(3000)):
        marks = [{"ResourceType": "snapshot", "Tags": tags(number)}]
        ec2.create_snapshot(VolumeId=volume, Description="nightly", TagSpecifications=marks)
    for number in range(count(1500)):
        group = ec2.create_security_group(GroupName=f"sg-{number}", Description="x", VpcId=vpc)
        ec2.authorize_security_group_ingress(
            GroupId=group["GroupId"],
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    "IpRanges": [{"CidrIp": f"10.{number % 250}.0.0/16"}],
                }
                for port in (22, 443, 5432)
            ],
        )
    balancing = boto3.client("elbv2", region_name=region)
    for number in range(count(160)):
        balancing.create_load_balancer(Name=f"lb-{number}", Subnets=subnets[:2])


def seed_services(region: str, role: str, count: Any) -> None:
    """Make functions, databases, tables, queues, topics, keys, logs, secrets and the like."""

    def client(service: str) -> Any:
        return boto3.client(service, region_name=region)

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): return event\n")
    functions, databases, tables = client("lambda"), client("rds"), client("dynamodb")
    for number in range(count(5000)):
        functions.create_function(
            FunctionName=f"fn-{number:05d}", Runtime="python3.12", Role=role,
            Handler="main.handler", Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"STAGE": "prod", "TABLE": f"t-{number}"}},
            Tags={"env": "prod", "owner": f"team-{number % 40}"},
        )  # fmt: skip
    for number in range(count(300)):
        databases.create_db_instance(
            DBInstanceIdentifier=f"db-{number}", DBInstanceClass="db.m5.large", Engine="postgres",
            AllocatedStorage=100, MasterUsername="u", MasterUserPassword="passw0rd!",
            Tags=tags(number),
        )  # fmt: skip
    for number in range(count(400)):
        tables.create_table(
            TableName=f"tab-{number}", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )  # fmt: skip
    queues, topics, secrets = client("sqs"), client("sns"), client("secretsmanager")
    for number in range(count(500)):
        queues.create_queue(QueueName=f"q-{number}")
        topics.create_topic(Name=f"t-{number}")
        secrets.create_secret(Name=f"s-{number}", SecretString="x")
    keys, logs, parameters = client("kms"), client("logs"), client("ssm")
    for number in range(count(300)):
        keys.create_key(Description=f"k-{number}")
    for number in range(count(5000)):
        logs.create_log_group(logGroupName=f"/aws/lambda/fn-{number:05d}")
    for number in range(count(1000)):
        parameters.put_parameter(Name=f"/p/{number}", Value="v", Type="String")
    images, stacks = client("ecr"), client("cloudformation")
    for number in range(count(200)):
        images.create_repository(repositoryName=f"r-{number}")
    for number in range(count(96)):
        stacks.create_stack(StackName=f"st-{number}", TemplateBody=TEMPLATE)


if __name__ == "__main__":
    mock_aws().start()
    seed(float(sys.argv[2]))
    ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False).start()
    print("serving", flush=True)
    threading.Event().wait()
