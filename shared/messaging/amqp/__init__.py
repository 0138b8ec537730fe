"""The platform form: RabbitMQ between processes. Nothing outside this package speaks AMQP."""
