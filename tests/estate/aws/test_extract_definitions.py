"""Take definitions, zones, images and certificates along from an account on loopback."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dns.rdatatype
import dns.zone
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from exitkit.demo import aws_account
from exitkit.engine.collect import collect
from exitkit.engine.harvest import Harvest
from exitkit.model.ledger import CallOutcome
from exitkit.model.verdict import Aspect, Content, Draft, Gap, Level
from exitkit.ports import Limits, Source
from exitkit.store.paths import path_fault

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGION, ACCOUNT = "eu-west-1", "123456789012"
ENDS = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
SECRET = "Pl4nted-in-a-definition-5a17"
MACHINE = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
DOCUMENT = {
    "schemaVersion": "2.2",
    "description": f"password={SECRET}",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["id"]}}
    ],
}
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "application/json", "size": 2, "digest": f"sha256:{'0' * 64}"},
    "layers": [],
}
SERVICES = [
    "stepfunctions:ListStateMachines", "stepfunctions:DescribeStateMachine",
    "ssm:ListDocuments", "ssm:DescribeDocument",
    "ec2:DescribeLaunchTemplates", "ec2:DescribeInstances", "ec2:DescribeInstanceAttribute",
    "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeVolumes",
    "ecr:DescribeRepositories", "route53:ListHostedZones", "route53:ListResourceRecordSets",
    "acm:*Certificate*", "events:ListEventBuses", "events:List*Rule*", "sqs:*Queue*",
    "kms:ListKeys", "kms:DescribeKey", "codebuild:*Projects", "glue:GetJob*",
    "codepipeline:ListPipelines", "codepipeline:GetPipeline",
]  # fmt: skip


@pytest.fixture(scope="module")
def account() -> Iterator[aws_account.AwsAccount]:
    with aws_account.running() as running:
        yield running


@pytest.fixture(scope="module")
def made(account: aws_account.AwsAccount) -> dict[str, str]:
    """Make one of each and return the ids."""

    def client(service: str) -> Any:
        return boto3.client(
            service, region_name=REGION, endpoint_url=account.endpoint_url,
            aws_access_key_id="x", aws_secret_access_key="y",
        )  # fmt: skip

    made = {}
    role = f"arn:aws:iam::{ACCOUNT}:role/worker"
    client("stepfunctions").create_state_machine(
        name="orders", definition=json.dumps(MACHINE), roleArn=role
    )
    client("ssm").create_document(
        Name="patch", Content=json.dumps(DOCUMENT), DocumentType="Command", DocumentFormat="JSON"
    )
    build = "version: 0.2\nphases:\n  build:\n    commands:\n      - aws s3 sync . s3://web\n"
    codebuild = client("codebuild")
    for name, spec in (("web", build), ("elsewhere", "ci/build.yml")):
        codebuild.create_project(
            name=name, artifacts={"type": "NO_ARTIFACTS"}, serviceRole=role,
            source={"type": "CODECOMMIT", "location": "https://git.example/web", "buildspec": spec},
            environment={"type": "LINUX_CONTAINER", "image": "a:1",
                         "computeType": "BUILD_GENERAL1_SMALL",
                         "environmentVariables": [{"name": "TOKEN", "value": SECRET}]},
        )  # fmt: skip

    def action(name: str, category: str, owner: str, provider: str) -> dict[str, Any]:
        kind = {"category": category, "owner": owner, "provider": provider, "version": "1"}
        secret = {"OAuthToken": SECRET} if owner == "ThirdParty" else {"ProjectName": "web"}
        return {"name": name, "actionTypeId": kind, "configuration": secret}

    client("iam").create_role(
        RoleName="worker",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "codepipeline.amazonaws.com"}}]}),
    )  # fmt: skip
    client("codepipeline").create_pipeline(pipeline={
        "name": "release", "roleArn": role, "artifactStore": {"type": "S3", "location": "jobs"},
        "stages": [
            {"name": "Source", "actions": [action("fetch", "Source", "ThirdParty", "GitHub")]},
            {"name": "Build", "actions": [action("build", "Build", "AWS", "CodeBuild")]},
        ],
    })  # fmt: skip
    store = client("s3")
    place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    store.create_bucket(Bucket="jobs", **place)
    job = f"import boto3\nPASSWORD = '{SECRET}'\nboto3.client('glue').get_tables()\n"
    store.put_object(Bucket="jobs", Key="etl/load.py", Body=job.encode())
    for name, where in (("load", "s3://jobs/etl/load.py"), ("lost", "s3://jobs/etl/lost.py")):
        client("glue").create_job(
            Name=name, Role=role, Command={"Name": "glueetl", "ScriptLocation": where}
        )
    ec2 = client("ec2")
    script = base64.b64encode(f"#!/bin/sh\nexport DB_PASSWORD={SECRET}\n".encode()).decode()
    made["template"] = ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"UserData": script, "InstanceType": "t3.nano"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    made["instance"] = ec2.run_instances(
        ImageId="ami-0c0ffee0c0ffee000", MinCount=1, MaxCount=1,
        UserData=f"#!/bin/sh\nexport TOKEN={SECRET}\n",
    )["Instances"][0]["InstanceId"]  # fmt: skip
    ecr = client("ecr")
    ecr.create_repository(repositoryName="web")
    manifest = json.dumps(MANIFEST, indent=3)
    # Without being told, the emulator makes a digest up.
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    ecr.put_image(repositoryName="web", imageManifest=manifest, imageTag="v1", imageDigest=digest)
    acm = client("acm")
    acm.request_certificate(DomainName="never.example")
    acm.import_certificate(Certificate=(pem := certificate())[0], PrivateKey=pem[1])
    key = client("kms").create_key()["KeyMetadata"]
    made["key"] = key["KeyId"]
    queue = client("sqs").create_queue(
        QueueName="work", Attributes={"KmsMasterKeyId": key["KeyId"]}
    )
    made["queue"] = queue["QueueUrl"]
    events = client("events")
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    arns = (f"arn:aws:sqs:{REGION}:{ACCOUNT}:work", f"arn:aws:sqs:{REGION}:999999999999:theirs")
    events.put_targets(
        Rule="nightly", Targets=[{"Id": str(number), "Arn": arn} for number, arn in enumerate(arns)]
    )
    made["zone"] = zone(client("route53"))
    return made


def certificate() -> tuple[bytes, bytes]:
    """Make a certificate and its key, both in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, ENDS - dt.timedelta(90), ENDS)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return made, private


def zone(route53: Any) -> str:
    made = route53.create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"]
    sets: list[dict[str, Any]] = [
        {"Name": "shop.example", "Type": "MX", "TTL": 300,
         "ResourceRecords": [{"Value": "10 mail.shop.example"}]},
        {"Name": "*.shop.example", "Type": "A", "TTL": 60,
         "ResourceRecords": [{"Value": "192.0.2.1"}, {"Value": "192.0.2.2"}]},
        {"Name": "txt.shop.example", "Type": "TXT", "TTL": 60,
         "ResourceRecords": [{"Value": '"v=spf1 -all" "m\\303\\274ller"'}]},
        {"Name": "cdn.shop.example", "Type": "A", "AliasTarget": {
            "HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": "d1.cloudfront.net",
            "EvaluateTargetHealth": False}},
        {"Name": "api.shop.example", "Type": "A", "TTL": 60, "SetIdentifier": "blue", "Weight": 9,
         "ResourceRecords": [{"Value": "192.0.2.9"}]},
    ]  # fmt: skip
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]
    route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": changes})
    return str(made).removeprefix("/hostedzone/")


@pytest.fixture(scope="module")
def harvest(
    account: aws_account.AwsAccount,
    made: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Harvest:
    folder = tmp_path_factory.mktemp("workspace")
    settings = {"endpoint_url": account.endpoint_url, "regions": [REGION], "services": SERVICES}
    assert made
    return collect(
        [Source("prod", "aws", settings, folder)], [], limits=Limits(), now=NOW, spool=folder,
        mask_key=b"k" * 32, environ=account.admin, progress=lambda _source, _line: None,
    )  # fmt: skip


def ends(harvest: Harvest, native_type: str, aspect: Aspect) -> list[Draft | Gap]:
    return [
        end
        for (ref, side), end in harvest.aspects.items()
        if (ref.native_type, side) == (f"AWS::{native_type}", aspect)
    ]


def held(harvest: Harvest, native_type: str, aspect: Aspect) -> Draft:
    (end,) = ends(harvest, native_type, aspect)
    assert isinstance(end, Draft), end
    return end


def text_of(content: Content) -> str:
    body = content.body
    return (body.read_bytes() if isinstance(body, Path) else body).decode()


def test_no_call_of_an_extractor_failed(harvest: Harvest) -> None:
    bad = {
        (call.operation, call.outcome, call.reason)
        for call in harvest.calls.values()
        if call.outcome in (CallOutcome.UNAVAILABLE, CallOutcome.REFUSED, CallOutcome.UNSUPPORTED)
    }
    assert bad == set()


def test_a_state_machine_leaves_with_its_definition(harvest: Harvest) -> None:
    draft = held(harvest, "StepFunctions::StateMachine", Aspect.CODE)
    assert json.loads(text_of(draft.contents[0])) == MACHINE


def classes(harvest: Harvest, native_type: str) -> dict[str, tuple[str, str]]:
    return {
        ref.native_id: (held.language, held.portability)
        for ref, held in harvest.automation.items()
        if ref.native_type == native_type
    }


def test_definitions_are_classed_as_scripts_of_a_repository_are(harvest: Harvest) -> None:
    assert {c for _, c in classes(harvest, "AWS::StepFunctions::StateMachine").values()} == {
        "rewrite"
    }
    assert classes(harvest, "AWS::SSM::Document")["patch"] == ("json", "rewrite")


def test_a_build_specification_leaves_and_its_commands_are_read(harvest: Harvest) -> None:
    assert classes(harvest, "AWS::CodeBuild::Project") == {"web": ("yaml", "rewrite")}
    rules = {
        one.rule for ref, held in harvest.automation.items() if ref.native_id == "web"
        for one in held.findings
    }  # fmt: skip
    assert rules >= {"aws-call", "ci-platform"}
    by_name = {
        ref.native_id: verdict for (ref, aspect), verdict in harvest.aspects.items()
        if ref.native_type == "AWS::CodeBuild::Project" and aspect is Aspect.CODE
    }  # fmt: skip
    assert "ci/build.yml of https://git.example/web" in by_name["elsewhere"].text


def test_the_script_of_a_job_is_taken_from_its_bucket(harvest: Harvest) -> None:
    assert classes(harvest, "AWS::Glue::Job") == {"load": ("python", "rewrite")}
    by_name = {
        ref.native_id: verdict for (ref, aspect), verdict in harvest.aspects.items()
        if ref.native_type == "AWS::Glue::Job" and aspect is Aspect.CODE
    }  # fmt: skip
    loaded, lost = by_name["load"], by_name["lost"]
    assert isinstance(loaded, Draft)
    assert path_fault(loaded.contents[0].path) == ""
    assert "get_tables" in text_of(loaded.contents[0])
    assert isinstance(lost, Gap)


def test_a_document_leaves_as_written_but_for_secrets(harvest: Harvest) -> None:
    draft = held(harvest, "SSM::Document", Aspect.CODE)
    document = json.loads(text_of(draft.contents[0]))
    assert document["mainSteps"] == DOCUMENT["mainSteps"]
    assert document["description"].startswith("password=<masked:")


def test_start_scripts_of_machines_and_templates_are_readable_and_masked(
    harvest: Harvest,
) -> None:
    script = text_of(held(harvest, "EC2::Instance", Aspect.CONFIGURATION).contents[0])
    assert script.startswith("#!/bin/sh\nexport TOKEN=<masked:")
    contents = held(harvest, "EC2::LaunchTemplate", Aspect.CONFIGURATION).contents
    texts = {content.path.rpartition("/")[2]: text_of(content) for content in contents}
    assert texts["user-data-1.txt"].startswith("#!/bin/sh\nexport DB_PASSWORD=<masked:")
    assert json.loads(texts["versions.jsonl"])["LaunchTemplateData"]["InstanceType"] == "t3.nano"


def test_no_secret_is_in_any_content(harvest: Harvest) -> None:
    drafts = [end for end in harvest.aspects.values() if isinstance(end, Draft)]
    texts = [text_of(content) for draft in drafts for content in draft.contents]
    encoded = base64.b64encode(SECRET.encode()).decode()[:-4]
    assert not [text for text in texts if SECRET in text or encoded in text]


def test_an_image_manifest_leaves_byte_for_byte_under_its_digest(harvest: Harvest) -> None:
    draft = held(harvest, "ECR::Repository", Aspect.DATA)
    (line,) = [json.loads(line) for line in text_of(draft.contents[0]).splitlines()]
    assert line["tags"] == ["v1"]
    assert f"sha256:{hashlib.sha256(line['manifest'].encode()).hexdigest()}" == line["digest"]
    assert json.loads(line["manifest"])["config"]["digest"] == f"sha256:{'0' * 64}"
    assert draft.level is Level.DESCRIBED
    assert draft.loss == ("the layers of 1 images",)


def test_a_zone_file_is_read_back_by_another_implementation(harvest: Harvest) -> None:
    draft = held(harvest, "Route53::HostedZone", Aspect.DATA)
    text = text_of(draft.contents[0])
    # The emulator wraps the value of its SOA in another one, which AWS does not.
    lines = [line for line in text.splitlines() if " IN SOA " not in line]
    found = dns.zone.from_text("\n".join(lines), check_origin=False)
    assert str(found.origin) == "shop.example."
    addresses = found.find_rdataset("*", dns.rdatatype.A)
    assert (addresses.ttl, sorted(str(one) for one in addresses)) == (
        60, ["192.0.2.1", "192.0.2.2"],
    )  # fmt: skip
    (spf,) = found.find_rdataset("txt", dns.rdatatype.TXT)
    assert spf.strings == (b"v=spf1 -all", "müller".encode())
    assert [str(one) for one in found.find_rdataset("@", dns.rdatatype.MX)] == ["10 mail"]
    servers = found.find_rdataset("@", dns.rdatatype.NS)
    assert not [str(one) for one in servers if not str(one).endswith(".")]
    assert found.get_rdataset("cdn", dns.rdatatype.A) is None
    assert "; cdn.shop.example. A alias to d1.cloudfront.net." in text
    assert "; api.shop.example. A routing SetIdentifier=blue, Weight=9" in text
    assert draft.level is Level.OPEN
    assert [loss.split(" ", 1)[0] for loss in draft.loss] == ["NS", "1", "1"]


def test_a_certificate_leaves_without_its_key(harvest: Harvest) -> None:
    found = ends(harvest, "CertificateManager::Certificate", Aspect.IDENTITY)
    (draft,) = [end for end in found if isinstance(end, Draft)]
    (pending,) = [end for end in found if isinstance(end, Gap)]
    text = text_of(draft.contents[0])
    assert x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc == ENDS
    assert "PRIVATE KEY" not in text
    assert "ends on 2027-01-02" in draft.text
    assert pending.text == "no certificate was ever issued: PENDING_VALIDATION"
    keys = ends(harvest, "CertificateManager::Certificate", Aspect.CREDENTIALS)
    assert [(type(end), end.level) for end in keys] == [(Gap, Level.NONE)] * 2


def test_references_between_what_was_found_are_relations(
    harvest: Harvest, made: dict[str, str]
) -> None:
    told = {
        (one.subject.native_id, one.relation, one.object.native_id)
        for one in harvest.relations.values()
    }
    assert (made["queue"], "encryptedWith", made["key"]) in told
    types = {
        (one.subject.native_type, one.relation, one.object.native_type)
        for one in harvest.relations.values()
        if one.subject.native_id == made["instance"]
    }
    assert ("AWS::EC2::Instance", "memberOf", "AWS::EC2::Subnet") in types
    assert ("AWS::EC2::Instance", "storesDataIn", "AWS::EC2::Volume") in types
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/nightly"
    assert {(rule, "memberOf", "default"), (rule, "connectsTo", made["queue"])} <= told


def test_a_reference_that_leads_nowhere_stands_on_the_asset(harvest: Harvest) -> None:
    (machine,) = [
        asset
        for asset in harvest.assets.values()
        if asset.ref.native_type == "AWS::StepFunctions::StateMachine"
    ]
    assert machine.ext["unresolvedReferences"] == f"arn:aws:iam::{ACCOUNT}:role/worker"
    (rule,) = [asset for asset in harvest.assets.values() if asset.name == "nightly"]
    assert rule.ext["unresolvedReferences"] == f"arn:aws:sqs:{REGION}:999999999999:theirs"


def test_the_stages_of_a_pipeline_come_along_and_name_what_only_aws_runs(harvest: Harvest) -> None:
    draft = held(harvest, "CodePipeline::Pipeline", Aspect.CODE)
    (content,) = draft.contents
    assert isinstance(content.body, bytes)
    (line,) = [
        number
        for number, text in enumerate(content.body.decode().splitlines(), 1)
        if '"owner": "AWS"' in text
    ]
    assert classes(harvest, "AWS::CodePipeline::Pipeline") == {"release": ("json", "rewrite")}
    findings = {
        (one.line, one.rule)
        for ref, automation in harvest.automation.items()
        if ref.native_id == "release"
        for one in automation.findings
    }
    assert (line, "provider-action") in findings
    assert SECRET.encode() not in content.body
